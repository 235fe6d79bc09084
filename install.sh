#!/bin/sh
# Installs Faceloom for this user with uv, with the extras for this machine. Run it again to update.
# It changes nothing outside the user's own folders and asks before it installs uv.
#
# In a checkout it installs the checkout, elsewhere the package of the registry or of --from.
#
#   sh install.sh [--dry-run] [--yes] [--extras cpu,studio] [--from WHEEL-OR-FOLDER]
set -eu

# Memory needed to convert, and to train the smallest preset beside other programs, in kB.
convert_kb=1500000
train_kb=3500000

root=${FACELOOM_INSTALL_ROOT:-} # the tests replace / by a folder
dry_run='' yes='' extras='' source='' with='' fresh=''

fail() { echo "install.sh: $1" >&2; exit 2; }
# Prints a command as a shell reads it, and runs it.
run() {
  printf '+'
  for word; do
    case $word in
      *[!A-Za-z0-9_./:=-]*) printf " '%s'" "$(printf '%s\n' "$word" | sed "s/'/'\\\\''/g")" ;;
      *) printf ' %s' "$word" ;;
    esac
  done
  echo
  [ -n "$dry_run" ] || "$@"
}
has() { command -v "$1" > /dev/null 2>&1; }

while [ $# -gt 0 ]; do
  case $1 in
    --dry-run) dry_run=1 ;;
    --yes) yes=1 ;;
    --extras) extras=${2:?--extras needs a list such as cpu,studio}; shift ;;
    --from) source=${2:?--from needs a wheel or a folder}; shift ;;
    *) fail "$1 is not an option; give --dry-run, --yes, --extras LIST or --from WHEEL-OR-FOLDER." ;;
  esac
  shift
done
# The script's own folder, unless the script came through a pipe.
here=''
[ "${0##*/}" != install.sh ] || here=$(cd "$(dirname "$0")" && pwd)
if [ -z "$source" ] && grep -q '^name = "faceloom"' "$here/pyproject.toml" 2> /dev/null; then
  source=$here
fi
if [ -d "$source" ]; then
  [ -f "$source/pyproject.toml" ] || fail "$source has no pyproject.toml; give a checkout's folder."
  source=$(cd "$source" && pwd)
  # uv does not reinstall a folder whose version is unchanged.
  fresh='--reinstall-package faceloom'
elif [ -f "$source" ]; then source=$(cd "$(dirname "$source")" && pwd)/$(basename "$source")
elif [ -n "$source" ]; then
  fail "$source is neither a file nor a folder; give the wheel's path or a checkout's folder."
fi

# The machine.
memory=$(sed -n 's/^MemTotal: *\([0-9]*\) kB$/\1/p' "$root/proc/meminfo" 2> /dev/null || true)
memory=${memory:-$train_kb} # unknown, as on macOS
[ "$memory" -ge $convert_kb ] ||
  fail "this machine has $((memory / 1000)) MB of memory; Faceloom needs $((convert_kb / 1000)) MB."
if [ -z "$extras" ]; then
  extras=cpu
  if has nvidia-smi && nvidia-smi -L > /dev/null 2>&1; then extras=gpu
  elif grep -qw amx_bf16 "$root/proc/cpuinfo" 2> /dev/null; then extras=cpu,openvino; fi
  if [ "$memory" -lt $train_kb ]; then echo "This machine has the memory for converting, but not for training."
  elif [ $extras = gpu ]; then
    # TensorFlow and onnxruntime need different versions of CUDA; JAX needs that of onnxruntime.
    extras=gpu,train,studio with='--with jax[cuda13] --with tf2onnx --with onnx --with h5py'
    echo "To train on the GPU, add this to your shell's profile: export KERAS_BACKEND=jax"
  else extras=$extras,train,export,studio; fi
fi
echo "Extras for this machine: $extras"

# Uses an installed uv; otherwise installs it with pipx, in a private environment, or by its own script.
own="${XDG_DATA_HOME:-${HOME:?set HOME}/.local/share}/faceloom/uv"
user_path=$PATH
PATH=$PATH:$HOME/.local/bin:$own/bin
if ! has uv; then
  echo "uv, which installs Faceloom and the Python that it needs, is missing."
  if [ -z "$yes$dry_run" ]; then
    printf 'Install it for this user? [y/N] '
    read -r answer || answer=''
    case $answer in [yY]*) ;; *) fail "nothing was installed; run again with --yes, or install uv." ;; esac
  fi
  if has pipx; then run pipx install uv
  elif has python3 && python3 -c 'import ensurepip, venv' 2> /dev/null; then
    run python3 -m venv "$own"
    run "$own/bin/pip" install --quiet uv
  elif has curl; then
    # If the download fails, sh reads nothing and exits with 0: `has uv` below notices.
    run sh -c 'curl -LsSf https://astral.sh/uv/install.sh | sh'
  else fail "there is no pipx, python3 with venv, or curl to install uv; install one of them."; fi
  [ -n "$dry_run" ] || has uv || fail "uv could not be installed; install it by hand, then run this again."
fi

requirement="faceloom[$extras]"
if [ -n "$source" ]; then
  # Characters with a meaning in a URL, percent-encoded.
  address=$(echo "$source" | sed 's/%/%25/g; s/ /%20/g; s/#/%23/g; s/?/%3F/g; s/;/%3B/g')
  requirement="$requirement @ file://$address"
fi
# TensorFlow supports Python up to 3.13. $fresh and $with are split into words on purpose.
# shellcheck disable=SC2086
run uv tool install --upgrade --python '>=3.11,<3.14' $fresh "$requirement" $with
if [ -z "$dry_run" ]; then
  programs=$(uv tool dir --bin)
  case ":$user_path:" in
    *":$programs:"*) ;;
    *) run uv tool update-shell || echo "If a new shell does not find faceloom, add $programs to its PATH." ;;
  esac
  "$programs/faceloom" doctor
fi

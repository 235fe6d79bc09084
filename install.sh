#!/bin/sh
# Installs Faceloom for this user with uv, with the extras that fit this machine. Run it again to
# update. It changes nothing outside the user's own folders and asks before it installs uv.
#
#   sh install.sh [--dry-run] [--yes] [--extras cpu,studio] [--from faceloom-VERSION.whl]
set -eu

# Least memory to convert, and to train the smallest preset beside other programs, in kB.
convert_kb=1500000
train_kb=3500000

root=${FACELOOM_INSTALL_ROOT:-} # the tests' folder instead of /
dry_run='' yes='' extras='' wheel='' with=''

fail() { echo "install.sh: $1" >&2; exit 2; }
run() { echo "+ $*"; [ -n "$dry_run" ] || "$@"; }
has() { command -v "$1" > /dev/null 2>&1; }

while [ $# -gt 0 ]; do
  case $1 in
    --dry-run) dry_run=1 ;;
    --yes) yes=1 ;;
    --extras) extras=${2:?--extras needs a list such as cpu,studio}; shift ;;
    --from) wheel=${2:?--from needs a wheel}; shift ;;
    *) fail "$1 is not an option; give --dry-run, --yes, --extras LIST or --from WHEEL." ;;
  esac
  shift
done
[ -z "$wheel" ] || [ -f "$wheel" ] || fail "$wheel is not a file; give the wheel's path."

# The machine.
memory=$(sed -n 's/^MemTotal: *\([0-9]*\) kB$/\1/p' "$root/proc/meminfo" 2> /dev/null || true)
memory=${memory:-$train_kb} # unknown, as on macOS
[ "$memory" -ge $convert_kb ] ||
  fail "this machine has $((memory / 1000)) MB of memory; Faceloom needs $((convert_kb / 1000)) MB."
if [ -z "$extras" ]; then
  extras=cpu
  if has nvidia-smi && nvidia-smi -L > /dev/null 2>&1; then extras=gpu
  elif grep -qw amx_bf16 "$root/proc/cpuinfo" 2> /dev/null; then extras=cpu,openvino; fi
  if [ "$memory" -lt $train_kb ]; then echo "Memory for converting, not for training."
  elif [ $extras = gpu ]; then
    # TensorFlow and onnxruntime need different versions of CUDA; JAX needs that of onnxruntime.
    extras=gpu,train,studio with='--with jax[cuda13] --with tf2onnx --with onnx --with h5py'
    echo "To train on the GPU, put this into your shell's profile: export KERAS_BACKEND=jax"
  else extras=$extras,train,export,studio; fi
fi
echo "Extras for this machine: $extras"

# uv: the one that is there, or one from pipx, from a private environment, or from its makers.
own="${XDG_DATA_HOME:-${HOME:?set HOME}/.local/share}/faceloom/uv"
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
  elif has curl; then run sh -c 'curl -LsSf https://astral.sh/uv/install.sh | sh'
  else fail "there is no pipx, python3 with venv, or curl to install uv; install one of them."; fi
fi

requirement="faceloom[$extras]"
[ -z "$wheel" ] || requirement="$requirement @ file://$(cd "$(dirname "$wheel")" && pwd)/$(basename "$wheel")"
# TensorFlow ends at Python 3.13. The list of --with is split into words on purpose.
# shellcheck disable=SC2086
run uv tool install --upgrade --python '>=3.11,<3.14' "$requirement" $with
[ -n "$dry_run" ] || "$(uv tool dir --bin)/faceloom" doctor
[ -n "$dry_run" ] || has faceloom || run uv tool update-shell

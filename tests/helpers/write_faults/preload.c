/* Fails one writing system call of a process, or kills the process at that call.
 *
 * Preloaded, so that its functions replace those of libc. A call is counted if it changes a file below the folder
 * FACELOOM_FAULT_FOLDER: opening for writing, writing, renaming, linking, flushing, truncating, removing, making a
 * folder. Nothing is counted and nothing fails before faceloom_arm_fault() is called. Each counted call is
 * written to the file FACELOOM_FAULT_LOG as a line "NUMBER CALL PATH".
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

/* Number of counted calls since the fault was armed; -1: not armed. */
static atomic_long calls = -1;
/* The call that fails, from 1; 0: none, calls are only counted. */
static long failing_call;
/* 0: the process is killed. */
static int failing_errno;
/* Whether every later call fails too, as on a disk that stays full. */
static int stays;
static char folder[PATH_MAX];
static int log_descriptor = -1;

void faceloom_arm_fault(long call, int error, int error_stays) {
  const char *from = getenv("FACELOOM_FAULT_FOLDER"), *log = getenv("FACELOOM_FAULT_LOG");
  failing_call = call;
  failing_errno = error;
  stays = error_stays;
  snprintf(folder, sizeof folder, "%s", from ? from : "/nonexistent");
  if (log) log_descriptor = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
  atomic_store(&calls, 0);
}

long faceloom_counted_calls(void) { return atomic_load(&calls); }

static int below_folder(const char *path) {
  size_t length = strlen(folder);
  return !strncmp(path, folder, length) && (path[length] == '/' || path[length] == 0);
}

/* Counts a call. Returns whether it must fail, with errno set; kills the process if that is the fault. */
static int fails(const char *call, const char *path) {
  if (atomic_load(&calls) < 0 || !below_folder(path)) return 0;
  long number = atomic_fetch_add(&calls, 1) + 1;
  if (log_descriptor >= 0) dprintf(log_descriptor, "%ld %s %s\n", number, call, path);
  if (!failing_call || number < failing_call || (number > failing_call && !stays)) return 0;
  if (!failing_errno) raise(SIGKILL);
  errno = failing_errno;
  return 1;
}

/* Returns the absolute path of one that is relative to the open folder `directory`. */
static const char *absolute(int directory, const char *path, char *buffer) {
  char base[PATH_MAX];
  if (path[0] == '/') return path;
  if (directory == AT_FDCWD) {
    if (!getcwd(base, sizeof base)) return path;
  } else {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", directory);
    ssize_t length = readlink(link, base, sizeof base - 1);
    if (length < 0) return path;
    base[length] = 0;
  }
  if (snprintf(buffer, PATH_MAX, "%s/%s", base, path) >= PATH_MAX) return path;
  return buffer;
}

static int path_fails(const char *call, int directory, const char *path) {
  char buffer[PATH_MAX];
  return atomic_load(&calls) >= 0 && fails(call, absolute(directory, path, buffer));
}

static int descriptor_fails(const char *call, int descriptor) {
  char link[64], path[PATH_MAX];
  if (atomic_load(&calls) < 0) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return fails(call, path);
}

/* The wrappers: each finds libc's function of its name, fails or calls it. */

#define NEXT(name) \
  static __typeof__(&name) next; \
  if (!next) next = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

#define WRITES(flags) (((flags) & O_ACCMODE) != O_RDONLY || ((flags) & (O_CREAT | O_TRUNC)))

#define OPEN(name) \
  int name(const char *path, int flags, ...) { \
    NEXT(name); \
    va_list list; \
    va_start(list, flags); \
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(list, mode_t) : 0; \
    va_end(list); \
    if (WRITES(flags) && path_fails("open", AT_FDCWD, path)) return -1; \
    return next(path, flags, mode); \
  }
OPEN(open)
OPEN(open64)

#define OPENAT(name) \
  int name(int directory, const char *path, int flags, ...) { \
    NEXT(name); \
    va_list list; \
    va_start(list, flags); \
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(list, mode_t) : 0; \
    va_end(list); \
    if (WRITES(flags) && path_fails("open", directory, path)) return -1; \
    return next(directory, path, flags, mode); \
  }
OPENAT(openat)
OPENAT(openat64)

#define FOPEN(name) \
  FILE *name(const char *path, const char *mode) { \
    NEXT(name); \
    if (strpbrk(mode, "wa+") && path_fails("open", AT_FDCWD, path)) return NULL; \
    return next(path, mode); \
  }
FOPEN(fopen)
FOPEN(fopen64)

size_t fwrite(const void *data, size_t size, size_t count, FILE *file) {
  NEXT(fwrite);
  if (descriptor_fails("write", fileno(file))) return 0;
  return next(data, size, count, file);
}

#define DESCRIPTOR(name, call, result, parameters, arguments) \
  result name parameters { \
    NEXT(name); \
    if (descriptor_fails(call, descriptor)) return -1; \
    return next arguments; \
  }
DESCRIPTOR(write, "write", ssize_t, (int descriptor, const void *data, size_t size), (descriptor, data, size))
DESCRIPTOR(pwrite, "write", ssize_t, (int descriptor, const void *data, size_t size, off_t at), (descriptor, data, size, at))
DESCRIPTOR(pwrite64, "write", ssize_t, (int descriptor, const void *data, size_t size, off64_t at), (descriptor, data, size, at))
DESCRIPTOR(writev, "write", ssize_t, (int descriptor, const struct iovec *parts, int count), (descriptor, parts, count))
DESCRIPTOR(fsync, "fsync", int, (int descriptor), (descriptor))
DESCRIPTOR(fdatasync, "fsync", int, (int descriptor), (descriptor))
DESCRIPTOR(ftruncate, "truncate", int, (int descriptor, off_t size), (descriptor, size))
DESCRIPTOR(ftruncate64, "truncate", int, (int descriptor, off64_t size), (descriptor, size))
DESCRIPTOR(copy_file_range, "write", ssize_t, (int in, off64_t *in_at, int descriptor, off64_t *at, size_t size, unsigned flags), (in, in_at, descriptor, at, size, flags))
DESCRIPTOR(sendfile, "write", ssize_t, (int descriptor, int in, off_t *at, size_t size), (descriptor, in, at, size))
DESCRIPTOR(sendfile64, "write", ssize_t, (int descriptor, int in, off64_t *at, size_t size), (descriptor, in, at, size))

#define ONE_PATH(name, call, parameters, directory, arguments) \
  int name parameters { \
    NEXT(name); \
    if (path_fails(call, directory, path)) return -1; \
    return next arguments; \
  }
ONE_PATH(unlink, "remove", (const char *path), AT_FDCWD, (path))
ONE_PATH(rmdir, "remove", (const char *path), AT_FDCWD, (path))
ONE_PATH(unlinkat, "remove", (int directory, const char *path, int flags), directory, (directory, path, flags))
ONE_PATH(mkdir, "mkdir", (const char *path, mode_t mode), AT_FDCWD, (path, mode))
ONE_PATH(mkdirat, "mkdir", (int directory, const char *path, mode_t mode), directory, (directory, path, mode))
ONE_PATH(truncate, "truncate", (const char *path, off_t size), AT_FDCWD, (path, size))

int link(const char *from, const char *to) {
  NEXT(link);
  if (path_fails("link", AT_FDCWD, to)) return -1;
  return next(from, to);
}

int linkat(int from_directory, const char *from, int to_directory, const char *to, int flags) {
  NEXT(linkat);
  if (path_fails("link", to_directory, to)) return -1;
  return next(from_directory, from, to_directory, to, flags);
}

int rename(const char *from, const char *to) {
  NEXT(rename);
  if (path_fails("rename", AT_FDCWD, to)) return -1;
  return next(from, to);
}

int renameat(int from_directory, const char *from, int to_directory, const char *to) {
  NEXT(renameat);
  if (path_fails("rename", to_directory, to)) return -1;
  return next(from_directory, from, to_directory, to);
}

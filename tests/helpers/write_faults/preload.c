/* Fails one writing system call of a process, or kills the process at that call.
 *
 * Preloaded, so that its functions replace those of libc. A call is counted if it changes a file below the folder
 * FACELOOM_FAULT_FOLDER: opening for writing, writing, renaming, linking, flushing, truncating, removing, making a
 * folder. Nothing is counted and nothing fails before faceloom_arm_fault() is called. Each counted call is
 * written to the file FACELOOM_FAULT_LOG as a line "NUMBER CALL PATH". Calls of programs that the process starts are
 * counted too if FACELOOM_FAULT_TREE names a file, which holds the fault that all of them share.
 *
 * With faceloom_record(), each such call below FACELOOM_RECORDED_FOLDER that succeeds is also appended to a recording,
 * from which `recording.py` computes the files after any of the calls. A record is a line
 * "CALL IN_CHILD INODE OFFSET BYTES OF_PATH OF_OTHER", then the path, the other path of a rename or link, and BYTES of
 * data. A program that the process starts appends to the recording FACELOOM_RECORDING.
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
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

/* A fault. Programs that a process starts share it if FACELOOM_FAULT_TREE names a file for it. */
struct fault {
  /* Number of counted calls since the fault was armed; -1: not armed. */
  atomic_long calls;
  /* The call that fails, from 1; 0: none, calls are only counted. */
  long failing_call;
  /* 0: the process is killed. */
  int failing_errno;
  /* Whether every later call fails too, as on a disk that stays full. */
  int stays;
};
static struct fault own_fault = {.calls = -1}, *fault = &own_fault;
static char folder[PATH_MAX];
static int log_descriptor = -1;
static int recording = -1;
static char recorded_folder[PATH_MAX];
/* Whether this program was started by the one whose calls are recorded, and is not recorded with it. */
static int in_child;

/* Shares the fault through FACELOOM_FAULT_TREE, and opens the log. */
static void open_fault(int flags) {
  const char *from = getenv("FACELOOM_FAULT_FOLDER"), *log = getenv("FACELOOM_FAULT_LOG");
  const char *tree = getenv("FACELOOM_FAULT_TREE");
  fault = &own_fault;
  if (tree) {
    int file = open(tree, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0 || ftruncate(file, sizeof *fault)) abort();
    fault = mmap(NULL, sizeof *fault, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (fault == MAP_FAILED) abort();
    close(file);
  }
  snprintf(folder, sizeof folder, "%s", from ? from : "/nonexistent");
  if (log) log_descriptor = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | flags, 0600);
}

void faceloom_arm_fault(long call, int error, int error_stays) {
  open_fault(O_TRUNC);
  fault->failing_call = call;
  fault->failing_errno = error;
  fault->stays = error_stays;
  atomic_store(&fault->calls, 0);
}

/* Ends counting and failing. */
void faceloom_disarm_fault(void) {
  fault->failing_call = 0;
  atomic_store(&fault->calls, -1);
  if (log_descriptor >= 0) close(log_descriptor);
  log_descriptor = -1;
}

static void open_recording(const char *path, int flags) {
  const char *from = getenv("FACELOOM_RECORDED_FOLDER");
  snprintf(recorded_folder, sizeof recorded_folder, "%s", from ? from : "/nonexistent");
  recording = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | flags, 0600);
}

/* Begins a recording. */
void faceloom_record(const char *path) { open_recording(path, O_CREAT | O_TRUNC); }

__attribute__((constructor)) static void continue_in_child(void) {
  const char *path = getenv("FACELOOM_RECORDING");
  if (getenv("FACELOOM_FAULT_TREE")) open_fault(0);
  if (!path) return;
  in_child = !getenv("FACELOOM_FAULT_TREE");
  open_recording(path, 0);
}

static int is_below(const char *path, const char *directory) {
  size_t length = strlen(directory);
  return !strncmp(path, directory, length) && (path[length] == '/' || path[length] == 0);
}

/* Counts a call. Returns whether it must fail, with errno set; kills the process if that is the fault. */
static int fails(const char *call, const char *path) {
  if (atomic_load(&fault->calls) < 0 || !is_below(path, folder)) return 0;
  long number = atomic_fetch_add(&fault->calls, 1) + 1;
  if (log_descriptor >= 0) dprintf(log_descriptor, "%ld %s %s\n", number, call, path);
  long failing = fault->failing_call;
  if (!failing || number < failing || (number > failing && !fault->stays)) return 0;
  if (!fault->failing_errno) raise(SIGKILL);
  errno = fault->failing_errno;
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
  return atomic_load(&fault->calls) >= 0 && fails(call, absolute(directory, path, buffer));
}

static int descriptor_fails(const char *call, int descriptor) {
  char link[64], path[PATH_MAX];
  if (atomic_load(&fault->calls) < 0) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return fails(call, path);
}

static int is_recorded(const char *path) { return recording >= 0 && is_below(path, recorded_folder); }

/* Appends a record. The data is read back from a descriptor, as some calls do not receive it from the process. */
static void append_record(const char *call, ino_t inode, off_t offset, size_t size, int descriptor, const char *path,
                          const char *other) {
  char head[128], link[64], *data = NULL;
  int error = errno;
  if (size) {
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    int reader = syscall(SYS_openat, AT_FDCWD, link, O_RDONLY | O_CLOEXEC);
    data = malloc(size);
    if (!data || pread(reader, data, size, offset) != (ssize_t)size) abort();
    syscall(SYS_close, reader);
  }
  snprintf(head, sizeof head, "%s %d %lu %ld %zu %zu %zu\n", call, in_child, (unsigned long)inode, (long)offset, size,
           strlen(path), strlen(other));
  struct iovec parts[] = {
      {head, strlen(head)}, {(char *)path, strlen(path)}, {(char *)other, strlen(other)}, {data, size}};
  if (syscall(SYS_writev, recording, parts, 4) < 0) abort();
  free(data);
  errno = error;
}

static void record_path(const char *call, int directory, const char *path) {
  char buffer[PATH_MAX];
  const char *whole = absolute(directory, path, buffer);
  if (is_recorded(whole)) append_record(call, 0, 0, 0, -1, whole, "");
}

static void record_paths(const char *call, int from_directory, const char *from, int to_directory, const char *to) {
  char from_buffer[PATH_MAX], to_buffer[PATH_MAX];
  const char *whole = absolute(to_directory, to, to_buffer);
  if (is_recorded(whole)) append_record(call, 0, 0, 0, -1, absolute(from_directory, from, from_buffer), whole);
}

/* Records a call about an open file: `size` bytes were written before `end`, or it has `end` bytes now. */
static void record_descriptor(const char *call, int descriptor, off_t end, size_t size) {
  char link[64], path[PATH_MAX];
  struct stat status;
  if (recording < 0) return;
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return;
  path[length] = 0;
  if (is_recorded(path) && !fstat(descriptor, &status))
    append_record(call, status.st_ino, end - (off_t)size, size, descriptor, path, "");
}

/* Returns whether a path exists. */
static int exists(int directory, const char *path) { return !syscall(SYS_faccessat, directory, path, F_OK); }

static void record_open(int descriptor, int existed, int truncated) {
  if (descriptor < 0) return;
  record_descriptor(existed ? "open" : "create", descriptor, 0, 0);
  if (existed && truncated) record_descriptor("truncate", descriptor, 0, 0);
}

/* The position of an open file, after a call that moved it. */
static off_t position(int descriptor) { return recording < 0 ? 0 : lseek(descriptor, 0, SEEK_CUR); }

/* The wrappers: each finds libc's function of its name, fails or calls it, and records it. */

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
    if (!WRITES(flags)) return next(path, flags, mode); \
    if (path_fails("open", AT_FDCWD, path)) return -1; \
    int existed = exists(AT_FDCWD, path), descriptor = next(path, flags, mode); \
    record_open(descriptor, existed, flags & O_TRUNC); \
    return descriptor; \
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
    if (!WRITES(flags)) return next(directory, path, flags, mode); \
    if (path_fails("open", directory, path)) return -1; \
    int existed = exists(directory, path), descriptor = next(directory, path, flags, mode); \
    record_open(descriptor, existed, flags & O_TRUNC); \
    return descriptor; \
  }
OPENAT(openat)
OPENAT(openat64)

#define FOPEN(name) \
  FILE *name(const char *path, const char *mode) { \
    NEXT(name); \
    if (!strpbrk(mode, "wa+")) return next(path, mode); \
    if (path_fails("open", AT_FDCWD, path)) return NULL; \
    int existed = exists(AT_FDCWD, path); \
    FILE *file = next(path, mode); \
    if (file) record_open(fileno(file), existed, mode[0] == 'w'); \
    return file; \
  }
FOPEN(fopen)
FOPEN(fopen64)

size_t fwrite(const void *data, size_t size, size_t count, FILE *file) {
  NEXT(fwrite);
  if (descriptor_fails("write", fileno(file))) return 0;
  size_t written = next(data, size, count, file);
  if (recording >= 0 && fileno(file) > 2 && !fflush(file))
    record_descriptor("write", fileno(file), ftello(file), written * size);
  return written;
}

/* `end`: where the written data ends, or the new size; `written`: how many bytes were written. */
#define DESCRIPTOR(name, call, result, parameters, arguments, end, written) \
  result name parameters { \
    NEXT(name); \
    if (descriptor_fails(call, descriptor)) return -1; \
    result returned = next arguments; \
    if (returned >= 0) record_descriptor(call, descriptor, end, written); \
    return returned; \
  }
DESCRIPTOR(write, "write", ssize_t, (int descriptor, const void *data, size_t size), (descriptor, data, size), position(descriptor), returned)
DESCRIPTOR(pwrite, "write", ssize_t, (int descriptor, const void *data, size_t size, off_t at), (descriptor, data, size, at), at + returned, returned)
DESCRIPTOR(pwrite64, "write", ssize_t, (int descriptor, const void *data, size_t size, off64_t at), (descriptor, data, size, at), at + returned, returned)
DESCRIPTOR(writev, "write", ssize_t, (int descriptor, const struct iovec *parts, int count), (descriptor, parts, count), position(descriptor), returned)
DESCRIPTOR(fsync, "fsync", int, (int descriptor), (descriptor), 0, 0)
DESCRIPTOR(fdatasync, "fsync", int, (int descriptor), (descriptor), 0, 0)
DESCRIPTOR(ftruncate, "truncate", int, (int descriptor, off_t size), (descriptor, size), size, 0)
DESCRIPTOR(ftruncate64, "truncate", int, (int descriptor, off64_t size), (descriptor, size), size, 0)
DESCRIPTOR(copy_file_range, "write", ssize_t, (int in, off64_t *in_at, int descriptor, off64_t *at, size_t size, unsigned flags), (in, in_at, descriptor, at, size, flags), at ? *at : position(descriptor), returned)
DESCRIPTOR(sendfile, "write", ssize_t, (int descriptor, int in, off_t *at, size_t size), (descriptor, in, at, size), position(descriptor), returned)
DESCRIPTOR(sendfile64, "write", ssize_t, (int descriptor, int in, off64_t *at, size_t size), (descriptor, in, at, size), position(descriptor), returned)

#define ONE_PATH(name, call, parameters, directory, arguments) \
  int name parameters { \
    NEXT(name); \
    if (path_fails(call, directory, path)) return -1; \
    int returned = next arguments; \
    if (!returned) record_path(call, directory, path); \
    return returned; \
  }
ONE_PATH(unlink, "remove", (const char *path), AT_FDCWD, (path))
ONE_PATH(rmdir, "remove", (const char *path), AT_FDCWD, (path))
ONE_PATH(unlinkat, "remove", (int directory, const char *path, int flags), directory, (directory, path, flags))
ONE_PATH(mkdir, "mkdir", (const char *path, mode_t mode), AT_FDCWD, (path, mode))
ONE_PATH(mkdirat, "mkdir", (int directory, const char *path, mode_t mode), directory, (directory, path, mode))

int truncate(const char *path, off_t size) {
  NEXT(truncate);
  if (recording >= 0) abort(); /* Not used; a recording would lack it. */
  if (path_fails("truncate", AT_FDCWD, path)) return -1;
  return next(path, size);
}

int link(const char *from, const char *to) {
  NEXT(link);
  if (path_fails("link", AT_FDCWD, to)) return -1;
  int returned = next(from, to);
  if (!returned) record_paths("link", AT_FDCWD, from, AT_FDCWD, to);
  return returned;
}

int linkat(int from_directory, const char *from, int to_directory, const char *to, int flags) {
  NEXT(linkat);
  if (path_fails("link", to_directory, to)) return -1;
  int returned = next(from_directory, from, to_directory, to, flags);
  if (!returned) record_paths("link", from_directory, from, to_directory, to);
  return returned;
}

int rename(const char *from, const char *to) {
  NEXT(rename);
  if (path_fails("rename", AT_FDCWD, to)) return -1;
  int returned = next(from, to);
  if (!returned) record_paths("rename", AT_FDCWD, from, AT_FDCWD, to);
  return returned;
}

int renameat(int from_directory, const char *from, int to_directory, const char *to) {
  NEXT(renameat);
  if (path_fails("rename", to_directory, to)) return -1;
  int returned = next(from_directory, from, to_directory, to);
  if (!returned) record_paths("rename", from_directory, from, to_directory, to);
  return returned;
}

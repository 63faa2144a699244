/* A disk that remembers and a disk that fails: preloaded into a process (LD_PRELOAD), it stands between the process and
 * the C library for every call that changes something below DISK_FOLDER.
 *
 *   DISK_LOG=FILE      every change and every sync in the order in which they took effect, and every line that the
 *                      process says on its standard output; the format is that of `note`, tests/it/disk.rs reads it
 *   DISK_FAULT=CALL,NAME,N,HOW,ERRNO
 *                      the N-th call (from 1, after the process said "> armed") of this name (create, write, resize,
 *                      sync, mkdir, rename, unlink, any) on a path that ends with NAME or lies in a folder NAME/ fails;
 *                      HOW is "before" (nothing was done), "half" (half of a write was) or "after" (all of it was)
 *   DISK_STICKY=1      … and every changing call after it, too
 *   DISK_READONLY=1    nothing can be changed, or opened to be
 *   DISK_SPACE=BYTES   so many bytes may be added to files after "> armed"; then the disk is full
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { CREATE = 1, WRITE, RESIZE, SYNC_BEGIN, SYNC_END, MKDIR, RENAME, UNLINK, SAID, FAILED };
enum { RIGHT, BEFORE, HALF, AFTER };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static char folder[PATH_MAX];
static size_t folder_length;
static int log_fd = -1;
static int armed, broken, sticky, limited, readonly;
static long long space;
static char fault_call[16], fault_name[128];
static long fault_number, fault_seen;
static int fault_how, fault_errno;
static uint64_t syncs;

static void start(void) {
  const char *dir = getenv("DISK_FOLDER"), *log = getenv("DISK_LOG");
  if (!dir) return;
  strncpy(folder, dir, sizeof folder - 1);
  folder_length = strlen(folder);
  if (log) log_fd = syscall(SYS_openat, AT_FDCWD, log, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
  const char *fault = getenv("DISK_FAULT");
  char how[16] = "";
  if (fault && sscanf(fault, "%15[^,],%127[^,],%ld,%15[^,],%d", fault_call, fault_name, &fault_number, how,
                      &fault_errno) == 5)
    fault_how = !strcmp(how, "half") ? HALF : !strcmp(how, "after") ? AFTER : BEFORE;
  sticky = getenv("DISK_STICKY") != NULL;
  if (getenv("DISK_SPACE")) {
    limited = 1;
    space = atoll(getenv("DISK_SPACE"));
  }
  armed = getenv("DISK_ARMED") != NULL;
  if (getenv("DISK_READONLY")) {
    readonly = armed = broken = 1;
    fault_how = BEFORE;
    fault_errno = EROFS;
  }
}

/* One record: what, which inode, a number, and bytes. The lock is held. */
static void note(uint8_t what, uint64_t inode, uint64_t number, const void *bytes, uint32_t length) {
  if (log_fd < 0) return;
  unsigned char head[21];
  head[0] = what;
  memcpy(head + 1, &inode, 8);
  memcpy(head + 9, &number, 8);
  memcpy(head + 17, &length, 4);
  struct iovec parts[2] = {{head, sizeof head}, {(void *)bytes, length}};
  if (syscall(SYS_writev, log_fd, parts, 2) < 0) abort();
}

/* Whether a path lies in the folder; makes it absolute. */
static int ours(int at, const char *path, char *whole) {
  pthread_once(&once, start);
  if (!folder_length || !path) return 0;
  if (path[0] == '/' || at == AT_FDCWD) {
    snprintf(whole, PATH_MAX, "%s", path);
  } else {
    char link[64], base[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", at);
    ssize_t n = readlink(link, base, sizeof base - 1);
    if (n < 0) return 0;
    base[n] = 0;
    if (snprintf(whole, PATH_MAX, "%s/%s", base, path) >= PATH_MAX) return 0;
  }
  return !strncmp(whole, folder, folder_length) && (whole[folder_length] == '/' || !whole[folder_length]);
}

/* The path and inode of an open file in the folder. */
static uint64_t of_fd(int fd, char *whole) {
  pthread_once(&once, start);
  if (!folder_length) return 0;
  struct stat st;
  char link[64];
  if (syscall(SYS_fstat, fd, &st) || !(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(link, whole, PATH_MAX - 1);
  if (n < 0) return 0;
  whole[n] = 0;
  return strncmp(whole, folder, folder_length) ? 0 : st.st_ino;
}

static int fits(const char *path) {
  size_t p = strlen(path), n = strlen(fault_name);
  char inside[140];
  snprintf(inside, sizeof inside, "/%s/", fault_name);
  return !strcmp(fault_name, "*") || (p >= n && !strcmp(path + p - n, fault_name)) || strstr(path, inside);
}

/* How this call ends. The lock is held. */
static int ruling(const char *call, const char *path) {
  if (!armed || !fault_how) return RIGHT;
  if (broken) return BEFORE;
  if ((strcmp(fault_call, "any") && strcmp(fault_call, call)) || !fits(path) || ++fault_seen != fault_number)
    return RIGHT;
  broken = sticky;
  char text[PATH_MAX + 32];
  int n = snprintf(text, sizeof text, "%s %s", call, path + folder_length);
  note(FAILED, 0, 0, text, n);
  return fault_how;
}

static int fail(void) {
  errno = fault_errno;
  return -1;
}

static int do_open(int at, const char *path, int flags, mode_t mode) {
  char whole[PATH_MAX];
  int in = ours(at, path, whole);
  if (in && readonly && (flags & (O_ACCMODE | O_CREAT | O_TRUNC))) return fail();
  if (!in || !(flags & (O_CREAT | O_TRUNC)))
    return syscall(SYS_openat, at, path, flags, mode);
  pthread_mutex_lock(&lock);
  struct stat st;
  int existed = !syscall(SYS_newfstatat, at, path, &st, 0), fd = -1;
  int how = existed && !(flags & O_TRUNC) ? RIGHT : ruling(existed ? "resize" : "create", whole);
  int after = how == AFTER;
  if (how == RIGHT || after) fd = syscall(SYS_openat, at, path, flags, mode);
  int error = errno;
  if (fd >= 0 && !syscall(SYS_fstat, fd, &st) && S_ISREG(st.st_mode)) {
    if (!existed) note(CREATE, st.st_ino, 0, whole, strlen(whole));
    else if (flags & O_TRUNC) note(RESIZE, st.st_ino, 0, NULL, 0);
  }
  pthread_mutex_unlock(&lock);
  if (after && fd >= 0) syscall(SYS_close, fd);
  if (how != RIGHT) return fail();
  errno = error;
  return fd;
}

#define MODE                                   \
  mode_t mode = 0;                             \
  if (flags & (O_CREAT | __O_TMPFILE)) {       \
    va_list rest;                              \
    va_start(rest, flags);                     \
    mode = va_arg(rest, mode_t);               \
    va_end(rest);                              \
  }
int open(const char *path, int flags, ...) { MODE return do_open(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE return do_open(AT_FDCWD, path, flags, mode); }
int openat(int at, const char *path, int flags, ...) { MODE return do_open(at, path, flags, mode); }
int openat64(int at, const char *path, int flags, ...) { MODE return do_open(at, path, flags, mode); }

/* A write at an offset, or at the file's own (offset < 0). */
static ssize_t do_write(int fd, const void *bytes, size_t count, off_t offset) {
  char whole[PATH_MAX];
  int own = offset < 0;
  uint64_t inode = fd > 2 ? of_fd(fd, whole) : 0;
  if (!inode) return own ? syscall(SYS_write, fd, bytes, count) : syscall(SYS_pwrite64, fd, bytes, count, offset);
  pthread_mutex_lock(&lock);
  int how = ruling("write", whole);
  struct stat st;
  syscall(SYS_fstat, fd, &st);
  if (own) offset = (syscall(SYS_fcntl, fd, F_GETFL) & O_APPEND) ? st.st_size : syscall(SYS_lseek, fd, 0, SEEK_CUR);
  size_t wanted = how == BEFORE ? 0 : how == HALF ? count / 2 : count;
  int full = 0;
  if (limited && armed && (long long)(offset + wanted) > st.st_size) {
    long long more = offset + (long long)wanted - st.st_size;
    if (more > space) {
      wanted -= more - space < (long long)wanted ? more - space : (long long)wanted;
      full = wanted == 0;
      more = space;
    }
    space -= more;
  }
  ssize_t done = 0;
  if (wanted) done = own ? syscall(SYS_write, fd, bytes, wanted) : syscall(SYS_pwrite64, fd, bytes, wanted, offset);
  int error = errno;
  if (done > 0) note(WRITE, inode, offset, bytes, done);
  pthread_mutex_unlock(&lock);
  if (how != RIGHT) return fail();
  errno = full ? ENOSPC : error;
  return full ? -1 : done;
}

ssize_t write(int fd, const void *bytes, size_t count) {
  pthread_once(&once, start);
  if (fd != 1 || !folder_length) return do_write(fd, bytes, count, -1);
  pthread_mutex_lock(&lock);
  ssize_t done = syscall(SYS_write, fd, bytes, count);
  note(SAID, 0, 0, bytes, count);
  if (memmem(bytes, count, "> armed", 7)) armed = 1;
  pthread_mutex_unlock(&lock);
  return done;
}
ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) { return do_write(fd, bytes, count, offset); }
ssize_t pwrite64(int fd, const void *bytes, size_t count, off_t offset) { return do_write(fd, bytes, count, offset); }
/* One part is a short write, which every caller must go on from. */
ssize_t writev(int fd, const struct iovec *parts, int count) {
  int n = 0;
  while (n + 1 < count && !parts[n].iov_len) n++;
  return count ? write(fd, parts[n].iov_base, parts[n].iov_len) : 0;
}

static int do_resize(int fd, off_t length) {
  char whole[PATH_MAX];
  uint64_t inode = of_fd(fd, whole);
  if (!inode) return syscall(SYS_ftruncate, fd, length);
  pthread_mutex_lock(&lock);
  int how = ruling("resize", whole);
  int done = how == RIGHT || how == AFTER ? syscall(SYS_ftruncate, fd, length) : 0;
  int error = errno;
  if (!done && (how == RIGHT || how == AFTER)) note(RESIZE, inode, length, NULL, 0);
  pthread_mutex_unlock(&lock);
  if (how != RIGHT) return fail();
  errno = error;
  return done;
}
int ftruncate(int fd, off_t length) { return do_resize(fd, length); }
int ftruncate64(int fd, off_t length) { return do_resize(fd, length); }

/* What was written before SYNC_BEGIN is on the disk at SYNC_END; others go on writing meanwhile. */
static int do_sync(int fd, long number) {
  char whole[PATH_MAX];
  uint64_t inode = of_fd(fd, whole);
  if (!inode) return syscall(number, fd);
  pthread_mutex_lock(&lock);
  int how = ruling("sync", whole);
  uint64_t id = ++syncs;
  if (how == RIGHT || how == AFTER) note(SYNC_BEGIN, inode, id, NULL, 0);
  pthread_mutex_unlock(&lock);
  if (how == BEFORE || how == HALF) return fail();
  int done = syscall(number, fd), error = errno;
  pthread_mutex_lock(&lock);
  if (!done) note(SYNC_END, inode, id, NULL, 0);
  pthread_mutex_unlock(&lock);
  if (how != RIGHT) return fail();
  errno = error;
  return done;
}
int fsync(int fd) { return do_sync(fd, SYS_fsync); }
int fdatasync(int fd) { return do_sync(fd, SYS_fdatasync); }

/* Names. */
int mkdir(const char *path, mode_t mode) {
  char whole[PATH_MAX];
  if (!ours(AT_FDCWD, path, whole)) return syscall(SYS_mkdirat, AT_FDCWD, path, mode);
  pthread_mutex_lock(&lock);
  struct stat st;
  /* Asking for a folder that stands changes nothing. */
  int how = syscall(SYS_newfstatat, AT_FDCWD, path, &st, 0) ? ruling("mkdir", whole) : RIGHT;
  int done = how == RIGHT || how == AFTER ? syscall(SYS_mkdirat, AT_FDCWD, path, mode) : -1;
  int error = errno;
  if (!done && !syscall(SYS_newfstatat, AT_FDCWD, path, &st, 0)) note(MKDIR, st.st_ino, 0, whole, strlen(whole));
  pthread_mutex_unlock(&lock);
  if (how != RIGHT) return fail();
  errno = error;
  return done;
}

static int do_rename(int from_at, const char *from, int to_at, const char *to, unsigned flags) {
  char old[PATH_MAX], new[PATH_MAX], both[2 * PATH_MAX];
  if (!ours(from_at, from, old) || !ours(to_at, to, new))
    return syscall(SYS_renameat2, from_at, from, to_at, to, flags);
  pthread_mutex_lock(&lock);
  int how = ruling("rename", new);
  int done = how == RIGHT || how == AFTER ? syscall(SYS_renameat2, from_at, from, to_at, to, flags) : -1;
  int error = errno;
  if (!done) note(RENAME, 0, 0, both, snprintf(both, sizeof both, "%s\n%s", old, new));
  pthread_mutex_unlock(&lock);
  if (how != RIGHT) return fail();
  errno = error;
  return done;
}
int rename(const char *from, const char *to) { return do_rename(AT_FDCWD, from, AT_FDCWD, to, 0); }
int renameat(int a, const char *from, int b, const char *to) { return do_rename(a, from, b, to, 0); }
int renameat2(int a, const char *from, int b, const char *to, unsigned flags) {
  return do_rename(a, from, b, to, flags);
}

static int do_unlink(int at, const char *path, int flags) {
  char whole[PATH_MAX];
  if (!ours(at, path, whole)) return syscall(SYS_unlinkat, at, path, flags);
  pthread_mutex_lock(&lock);
  int how = ruling("unlink", whole);
  int done = how == RIGHT || how == AFTER ? syscall(SYS_unlinkat, at, path, flags) : -1;
  int error = errno;
  if (!done) note(UNLINK, 0, 0, whole, strlen(whole));
  pthread_mutex_unlock(&lock);
  if (how != RIGHT) return fail();
  errno = error;
  return done;
}
int unlink(const char *path) { return do_unlink(AT_FDCWD, path, 0); }
int unlinkat(int at, const char *path, int flags) { return do_unlink(at, path, flags); }
int rmdir(const char *path) { return do_unlink(AT_FDCWD, path, AT_REMOVEDIR); }

/* Ways around write: the caller falls back to it. */
ssize_t copy_file_range(int in, off_t *from, int out, off_t *to, size_t count, unsigned flags) {
  char whole[PATH_MAX];
  if (of_fd(out, whole)) {
    errno = ENOSYS;
    return -1;
  }
  return syscall(SYS_copy_file_range, in, from, out, to, count, flags);
}
ssize_t sendfile(int out, int in, off_t *offset, size_t count) {
  char whole[PATH_MAX];
  if (of_fd(out, whole)) {
    errno = EINVAL;
    return -1;
  }
  return syscall(SYS_sendfile, out, in, offset, count);
}
ssize_t sendfile64(int out, int in, off_t *offset, size_t count) { return sendfile(out, in, offset, count); }

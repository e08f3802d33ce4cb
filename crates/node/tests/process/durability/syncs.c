/*
 * Stands between a program and its disk, as a library that is loaded first
 * (LD_PRELOAD). What it does is chosen by the environment:
 *
 *   SYNC_DELAY_MS   every sync of a file takes so many milliseconds longer
 *   SYNC_JOURNAL    a folder: every write to a regular file, and the begin and the
 *                   end of every sync, is written down there in a file of this
 *                   process; see journal.rs for the records
 *   SYNC_FREEZE     a folder: as long as a file with this process' id as its name is
 *                   there, no sync begins
 *   SYNC_FAIL       a folder: from when a file with this process' id as its name is
 *                   there, each sync fails with EIO
 *   SYNC_DROP       no sync is done, written down or delayed: as if the program
 *                   had forgotten it
 *
 * The calls go to the kernel directly, so that nothing here calls itself.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum kind { WRITE = 1, SYNC_BEGIN = 2, SYNC_END = 3 };

/* One record of the journal, in the machine's byte order. */
struct record {
    uint64_t kind;
    uint64_t inode;
    uint64_t born_ns; /* Tells a file from a later one with its inode. */
    uint64_t offset;  /* Of a write; of a sync, the file's size. */
    uint64_t length;  /* Of a write; of a sync, its number. */
};

static int journal = -1;
static long delay_ms;
static int drops_syncs;
static char freeze[PATH_MAX];
static char fail[PATH_MAX];
static uint64_t syncs_begun;

__attribute__((constructor)) static void begin(void)
{
    const char *delay = getenv("SYNC_DELAY_MS");
    const char *folder = getenv("SYNC_JOURNAL");
    const char *freezer = getenv("SYNC_FREEZE");
    const char *failing = getenv("SYNC_FAIL");
    char path[PATH_MAX];

    drops_syncs = getenv("SYNC_DROP") != NULL;
    delay_ms = delay ? strtol(delay, NULL, 10) : 0;
    if (freezer)
        snprintf(freeze, sizeof freeze, "%s/%d", freezer, (int)getpid());
    if (failing)
        snprintf(fail, sizeof fail, "%s/%d", failing, (int)getpid());
    if (!folder)
        return;
    snprintf(path, sizeof path, "%s/%d", folder, (int)getpid());
    journal = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (journal < 0)
        abort();
}

/* Whether it is a regular file; if so, the record says which. */
static int identify(int file, struct record *record, uint64_t *size)
{
    struct statx facts;

    if (syscall(SYS_statx, file, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &facts) != 0)
        return 0;
    if (!S_ISREG(facts.stx_mode))
        return 0;
    record->inode = facts.stx_ino;
    record->born_ns = (uint64_t)facts.stx_btime.tv_sec * 1000000000u + facts.stx_btime.tv_nsec;
    *size = facts.stx_size;
    return 1;
}

/* A journal with a gap would prove nothing, so a failure ends the process. */
static void note(const struct record *record)
{
    if (syscall(SYS_write, journal, record, sizeof *record) != (long)sizeof *record)
        abort();
}

/* `offset` is negative if the write went to the file's position, which is behind it now. */
static ssize_t written(int file, ssize_t length, off_t offset)
{
    struct record record = { .kind = WRITE };
    uint64_t size;
    int error = errno;

    if (journal >= 0 && file != journal && length > 0 && identify(file, &record, &size)) {
        if (offset < 0)
            offset = (off_t)syscall(SYS_lseek, file, 0, SEEK_CUR) - length;
        record.offset = (uint64_t)offset;
        record.length = (uint64_t)length;
        note(&record);
    }
    errno = error;
    return length;
}

ssize_t write(int file, const void *bytes, size_t length)
{
    return written(file, syscall(SYS_write, file, bytes, length), -1);
}

ssize_t writev(int file, const struct iovec *pieces, int count)
{
    return written(file, syscall(SYS_writev, file, pieces, count), -1);
}

ssize_t pwrite64(int file, const void *bytes, size_t length, off_t offset)
{
    return written(file, syscall(SYS_pwrite64, file, bytes, length, offset), offset);
}

ssize_t pwrite(int file, const void *bytes, size_t length, off_t offset)
{
    return pwrite64(file, bytes, length, offset);
}

ssize_t pwritev64(int file, const struct iovec *pieces, int count, off_t offset)
{
    return written(file, syscall(SYS_pwritev, file, pieces, count, offset, 0L), offset);
}

ssize_t pwritev(int file, const struct iovec *pieces, int count, off_t offset)
{
    return pwritev64(file, pieces, count, offset);
}

ssize_t copy_file_range(int from, off_t *from_offset, int to, off_t *to_offset, size_t length,
                        unsigned flags)
{
    off_t offset = to_offset ? *to_offset : -1;
    long done = syscall(SYS_copy_file_range, from, from_offset, to, to_offset, length, flags);

    return written(to, done, offset);
}

static int synced(int file, long call)
{
    struct record record = { 0 };
    const struct timespec look_again = { 0, 1000000 };
    struct timespec rest = { delay_ms / 1000, delay_ms % 1000 * 1000000 };
    int is_noted, result, error;
    uint64_t size;

    if (drops_syncs)
        return 0;
    while (*freeze && syscall(SYS_faccessat, AT_FDCWD, freeze, F_OK) == 0)
        nanosleep(&look_again, NULL);
    if (*fail && syscall(SYS_faccessat, AT_FDCWD, fail, F_OK) == 0) {
        errno = EIO;
        return -1;
    }
    is_noted = journal >= 0 && identify(file, &record, &size);
    if (is_noted) {
        record.kind = SYNC_BEGIN;
        record.offset = size;
        record.length = __atomic_add_fetch(&syncs_begun, 1, __ATOMIC_RELAXED);
        note(&record);
    }
    result = (int)syscall(call, file);
    error = errno;
    while (nanosleep(&rest, &rest) != 0 && errno == EINTR)
        ;
    if (is_noted && result == 0) {
        record.kind = SYNC_END;
        note(&record);
    }
    errno = error;
    return result;
}

int fsync(int file)
{
    return synced(file, SYS_fsync);
}

int fdatasync(int file)
{
    return synced(file, SYS_fdatasync);
}

/*
 * Stands between a program and the wall clock, as a library that is loaded first
 * (LD_PRELOAD). CLOCK_SHIFT names a folder: the file `seconds` in it says by how many
 * seconds the clock is wrong, and a file with this process' id as its name is made as
 * soon as the program was told a wrong time. Clocks that do not tell the time of day
 * are right.
 *
 * The calls go to the kernel directly, so that nothing here calls itself.
 */

#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static char seconds[PATH_MAX];
static char seen[PATH_MAX];
static int is_seen;

__attribute__((constructor)) static void begin(void)
{
    const char *folder = getenv("CLOCK_SHIFT");

    if (!folder)
        return;
    snprintf(seconds, sizeof seconds, "%s/seconds", folder);
    snprintf(seen, sizeof seen, "%s/%d", folder, (int)getpid());
}

static long shift(void)
{
    char text[32] = { 0 };
    long found, file;

    if (!*seconds)
        return 0;
    file = syscall(SYS_openat, AT_FDCWD, seconds, O_RDONLY | O_CLOEXEC, 0);
    if (file < 0)
        return 0;
    if (syscall(SYS_read, file, text, sizeof text - 1) < 0)
        text[0] = 0;
    syscall(SYS_close, file);
    found = strtol(text, NULL, 10);
    if (found != 0 && !__atomic_exchange_n(&is_seen, 1, __ATOMIC_RELAXED)) {
        file = syscall(SYS_openat, AT_FDCWD, seen, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        if (file >= 0)
            syscall(SYS_close, file);
    }
    return found;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int result = (int)syscall(SYS_clock_gettime, clock, now);

    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        now->tv_sec += shift();
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    int result = (int)syscall(SYS_gettimeofday, now, zone);

    if (result == 0)
        now->tv_sec += shift();
    return result;
}

time_t time(time_t *told)
{
    struct timespec now;

    if (clock_gettime(CLOCK_REALTIME, &now) != 0)
        return -1;
    if (told)
        *told = now.tv_sec;
    return now.tv_sec;
}

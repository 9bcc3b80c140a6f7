/* bench/fdatasync.c FOLDER SECONDS: how often a second this disk takes a 4 KiB append and makes it
 * durable, one after the other. Prints {"rate":…,"p50_us":…}: the reference for every durable
 * write. */
#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void append(int fd, struct spread *spread)
{
    static const char block[4096];
    int64_t started_us = wire_now_us();

    if (write(fd, block, sizeof block) != (ssize_t)sizeof block || fdatasync(fd) != 0)
        die("write: %s", strerror(errno));
    spread_add(spread, wire_now_us() - started_us);
}

int main(int argc, char **argv)
{
    static struct spread spread;
    char path[4096];
    int64_t started_us, length_us;
    int fd;

    if (argc != 3) die("usage: fdatasync FOLDER SECONDS");
    snprintf(path, sizeof path, "%s/fdatasync.XXXXXX", argv[1]);
    fd = mkstemp(path);
    if (fd < 0) die("%s: %s", path, strerror(errno));
    unlink(path);
    length_us = (int64_t)(atof(argv[2]) * 1e6);
    started_us = wire_now_us();
    while (wire_now_us() - started_us < length_us)
        append(fd, &spread);
    printf("{\"rate\":%.1f,\"p50_us\":%lld}\n", (double)spread.count * 1e6 / (double)length_us,
           (long long)spread_at(&spread, 0.5));
    return 0;
}

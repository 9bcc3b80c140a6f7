/* runtime/process_metrics.c: what the kernel counts of this process, under the names that every
 * Prometheus client has for it. */
#include "runtime/process_metrics.h"

#include "telemetry/metric.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

int64_t process_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int64_t count = 0;

    if (!folder) return 0;
    while (readdir(folder))
        count++;
    closedir(folder);
    return count - 3; /* ".", ".." and the folder's own */
}

int64_t process_descriptors_max(void)
{
    struct rlimit limit = {0};

    getrlimit(RLIMIT_NOFILE, &limit);
    return (int64_t)limit.rlim_cur;
}

static int64_t resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    long long size, resident = 0;

    if (!file) return 0;
    if (fscanf(file, "%lld %lld", &size, &resident) != 2) resident = 0;
    fclose(file);
    return (int64_t)resident * sysconf(_SC_PAGESIZE);
}

static double cpu_seconds(void)
{
    struct timespec time = {0};

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

void process_metrics(struct buf *out, struct wall_ms started_at)
{
    metric_family(out, "process_cpu_seconds_total", METRIC_COUNTER, "Processor time used.");
    metric_line_real(out, "process_cpu_seconds_total", "", cpu_seconds());
    metric_family(out, "process_resident_memory_bytes", METRIC_GAUGE, "Memory in RAM.");
    metric_line(out, "process_resident_memory_bytes", "", resident_bytes());
    metric_family(out, "process_open_fds", METRIC_GAUGE, "Descriptors open.");
    metric_line(out, "process_open_fds", "", process_descriptors());
    metric_family(out, "process_max_fds", METRIC_GAUGE, "Descriptors that may be open.");
    metric_line(out, "process_max_fds", "", process_descriptors_max());
    metric_family(out, "process_start_time_seconds", METRIC_GAUGE, "When it started, UTC.");
    metric_line(out, "process_start_time_seconds", "", wall_seconds(started_at));
    metric_family(out, "boxoffice_build_info", METRIC_GAUGE, "Always 1; the version it is.");
    metric_line(out, "boxoffice_build_info", "version=\"" BOXOFFICE_VERSION "\"", 1);
}

void process_disk_metrics(struct buf *out, const char *folder)
{
    struct statvfs disk;

    if (statvfs(folder, &disk) != 0) return;
    metric_family(out, "boxoffice_data_disk_size_bytes", METRIC_GAUGE,
                  "Size of the disk that the databases are on.");
    metric_line(out, "boxoffice_data_disk_size_bytes", "",
                (int64_t)(disk.f_blocks * disk.f_frsize));
    metric_family(out, "boxoffice_data_disk_free_bytes", METRIC_GAUGE,
                  "What of it the program may still write.");
    metric_line(out, "boxoffice_data_disk_free_bytes", "",
                (int64_t)(disk.f_bavail * disk.f_frsize));
}

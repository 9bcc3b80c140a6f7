/* runtime/process_metrics.h: what the kernel counts of this process, and of its disk. */
#ifndef RUNTIME_PROCESS_METRICS_H
#define RUNTIME_PROCESS_METRICS_H

#include "base/clock.h"

/* Appends processor time, memory, descriptors, the start and the version, as Prometheus reads them.
 * Any thread. */
void process_metrics(struct buf *out, struct wall_ms started_at);
/* Appends the size of the disk that the folder is on, and what of it is free for us. Any thread. */
void process_disk_metrics(struct buf *out, const char *folder);
/* Open ones, and how many there may be. Any thread. */
int64_t process_descriptors(void);
int64_t process_descriptors_max(void);

#endif

/* What the kernel says of processes and cores. */
#ifndef PROCFS_H
#define PROCFS_H

/* Seconds of CPU that a process has used, user and system; with `family` its children's, too, those alive. */
double cpu_of_process(int pid, int family);

/* Seconds that a core has been busy with anything. */
double busy_of_core(int core);

#endif

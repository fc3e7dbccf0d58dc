#include "procfs.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static double ticks_to_seconds(double ticks) { return ticks / (double)sysconf(_SC_CLK_TCK); }

static double cpu_of_one(int pid) {
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "r");
    if (!file) return 0;
    size_t length = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[length] = 0;
    char *after_name = strrchr(text, ')');
    unsigned long user, system;
    if (!after_name ||
        sscanf(after_name + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
        return 0;
    return ticks_to_seconds((double)(user + system));
}

double cpu_of_process(int pid, int family) {
    double seconds = cpu_of_one(pid);
    if (!family) return seconds;
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", pid, pid);
    FILE *file = fopen(path, "r");
    if (!file) return seconds;
    int child;
    while (fscanf(file, "%d", &child) == 1) seconds += cpu_of_one(child);
    fclose(file);
    return seconds;
}

double busy_of_core(int core) {
    FILE *file = fopen("/proc/stat", "r");
    if (!file) return 0;
    char line[256], name[16];
    snprintf(name, sizeof name, "cpu%d ", core);
    double ticks = 0;
    while (fgets(line, sizeof line, file)) {
        unsigned long long user, nice, system, idle, iowait, irq, softirq;
        if (strncmp(line, name, strlen(name)) != 0) continue;
        if (sscanf(line + strlen(name), "%llu %llu %llu %llu %llu %llu %llu", &user, &nice, &system, &idle, &iowait,
                   &irq, &softirq) == 7)
            ticks = (double)(user + nice + system + irq + softirq);
    }
    fclose(file);
    return ticks_to_seconds(ticks);
}

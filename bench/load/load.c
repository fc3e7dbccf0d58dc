/* Load for a chat server, on one core, quick enough never to be what is measured.

   load PLAN OWN_CORE SERVER_CORE PID[+]...   a + counts the process's children, too
   Orders come on standard input, one a line, and each is answered by one line of JSON:
     connect AT_ONCE                       open every seat, so many at a time
     closed SECONDS WARM_UP WINDOW         every sender keeps WINDOW messages in flight
     open SECONDS WARM_UP PER_SECOND       messages at their times, whether acked or not; latencies count from those
     idle SECONDS                          only heartbeats
     quit
*/
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "conn.h"
#include "procfs.h"

#define MAX_PROCESSES 16
#define QUIET_NS 200000000
#define PATIENCE_NS 10000000000u /* for what was under way when a measure ended */

static struct plan the_plan;
static struct conn *conns;
static int poller, timer, server_core, processes, opened, ready, pids[MAX_PROCESSES], families[MAX_PROCESSES];
static int at_once;    /* of connect */
static int keep_going; /* of closed: answer an ack with the next send */

struct reading {
    uint64_t moment;
    double server, own, busy;
};

static struct reading read_all(void) {
    struct reading now = {.moment = now_ns(), .busy = busy_of_core(server_core)};
    for (int i = 0; i < processes; i++) now.server += cpu_of_process(pids[i], families[i]);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    now.own = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
              (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    return now;
}

static void open_more(void) {
    while (opened < the_plan.seats && opened - ready - (int)counts.ended < at_once) {
        conn_open(&conns[opened], &the_plan.seat[opened], poller);
        opened++;
    }
}

void on_ready(struct conn *conn) {
    (void)conn;
    ready++;
    open_more();
}

void on_ack(struct conn *conn) {
    if (keep_going) conn_send(conn, now_ns());
}

/* Handle what happens until `deadline`, or what `timer` is set for, whichever is first. */
static void turn(uint64_t deadline) {
    struct epoll_event events[512];
    uint64_t now = now_ns();
    int wait = deadline <= now ? 0 : (int)((deadline - now + 999999) / 1000000);
    int count = epoll_wait(poller, events, 512, wait);
    for (int i = 0; i < count; i++) {
        struct conn *conn = events[i].data.ptr;
        if (!conn) { /* the timer */
            uint64_t times;
            if (read(timer, &times, sizeof times) < 0) continue;
            continue;
        }
        if (events[i].events & EPOLLOUT) conn_writable(conn, poller);
        if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) conn_readable(conn);
    }
}

static void print_latency(const char *name, const struct histogram *h) {
    printf("\"%s\":{\"count\":%lu,\"p50\":%.3f,\"p95\":%.3f,\"p99\":%.3f,\"max\":%.3f},", name, (unsigned long)h->count,
           (double)quantile(h, .5) / 1e6, (double)quantile(h, .95) / 1e6, (double)quantile(h, .99) / 1e6,
           (double)h->max / 1e6);
}

static void report(struct reading from, struct reading to, uint64_t unanswered) {
    double seconds = (double)(to.moment - from.moment) / 1e9;
    printf("{\"seconds\":%.4f,\"ready\":%d,\"sent\":%lu,\"acks\":%lu,\"refused\":%lu,\"deliveries\":%lu,\"gaps\":%lu,"
           "\"doubles\":%lu,\"bytes\":%lu,\"ended\":%lu,\"unanswered\":%lu,",
           seconds, ready, (unsigned long)counts.sent, (unsigned long)counts.acks, (unsigned long)counts.refused,
           (unsigned long)counts.deliveries, (unsigned long)counts.gaps, (unsigned long)counts.doubles,
           (unsigned long)counts.bytes, (unsigned long)counts.ended, (unsigned long)unanswered);
    print_latency("delivery_ms", &counts.delivery);
    print_latency("ack_ms", &counts.ack);
    printf("\"server_cpu\":%.3f,\"load_cpu\":%.3f,\"server_core_busy\":%.3f}\n", to.server - from.server,
           to.own - from.own, to.busy - from.busy);
    fflush(stdout);
}

static void forget_counts(void) {
    uint64_t ended = counts.ended;
    memset(&counts, 0, sizeof counts);
    counts.ended = ended;
}

static void do_connect(int count) {
    forget_counts();
    at_once = count;
    struct reading from = read_all();
    open_more();
    while (ready + (int)counts.ended < the_plan.seats && now_ns() - from.moment < 60 * PATIENCE_NS)
        turn(now_ns() + 100000000);
    report(from, read_all(), 0);
}

static void do_idle(double seconds) {
    forget_counts();
    struct reading from = read_all();
    uint64_t until = from.moment + (uint64_t)(seconds * 1e9);
    while (now_ns() < until) turn(until);
    report(from, read_all(), 0);
}

/* Senders of all rooms, taken in turn. */
static struct conn *next_sender(void) {
    static int last;
    for (int i = 0; i < opened; i++) {
        last = (last + 1) % opened;
        if (conns[last].seat->sends && conns[last].stage == READY) return &conns[last];
    }
    return NULL;
}

static void send_due(uint64_t *next, uint64_t every, uint64_t until) {
    while (*next <= now_ns() && *next < until) {
        struct conn *sender = next_sender();
        if (sender) conn_send(sender, *next);
        *next += every;
    }
    struct itimerspec due = {.it_value = {.tv_sec = (time_t)(*next / 1000000000u), .tv_nsec = (long)(*next % 1000000000u)}};
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &due, NULL);
}

static void do_load(double seconds, double warm_up, int window, double per_second) {
    forget_counts();
    uint64_t begun = now_ns(), measured = begun + (uint64_t)(warm_up * 1e9), until = measured + (uint64_t)(seconds * 1e9);
    uint64_t next = begun, every = per_second > 0 ? (uint64_t)(1e9 / per_second) : 0, carried = 0;
    keep_going = window > 0;
    for (int i = 0; i < opened; i++)
        for (int n = 0; n < window && conns[i].seat->sends && conns[i].stage == READY; n++) conn_send(&conns[i], now_ns());
    while (now_ns() < measured) {
        if (every) send_due(&next, every, until);
        turn(measured);
    }
    carried = counts.sent - counts.acks - counts.refused;
    forget_counts();
    struct reading from = read_all();
    while (now_ns() < until) {
        if (every) send_due(&next, every, until);
        turn(until);
    }
    struct reading to = read_all();
    struct counts measured_counts = counts;
    keep_going = 0;
    uint64_t patience = now_ns() + PATIENCE_NS;
    uint64_t answered_to = carried + counts.sent;
    while (counts.acks + counts.refused < answered_to && now_ns() < patience) turn(now_ns() + 10000000);
    uint64_t unanswered = answered_to - counts.acks - counts.refused;
    for (uint64_t quiet = now_ns() + QUIET_NS; now_ns() < quiet;) {
        uint64_t before = counts.deliveries;
        turn(quiet);
        if (counts.deliveries != before && now_ns() < patience) quiet = now_ns() + QUIET_NS;
    }
    measured_counts.gaps = counts.gaps, measured_counts.doubles = counts.doubles, measured_counts.ended = counts.ended;
    counts = measured_counts;
    report(from, to, unanswered);
}

static void pin(int core) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    if (sched_setaffinity(0, sizeof set, &set) < 0) perror("load: not pinned");
}

int main(int argc, char **argv) {
    if (argc < 5) return 2;
    read_plan(argv[1], &the_plan);
    plan = &the_plan;
    pin(atoi(argv[2]));
    server_core = atoi(argv[3]);
    for (int i = 4; i < argc && processes < MAX_PROCESSES; i++, processes++) {
        pids[processes] = atoi(argv[i]);
        families[processes] = strchr(argv[i], '+') != NULL;
    }
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    conns = calloc((size_t)the_plan.seats, sizeof *conns);
    poller = epoll_create1(EPOLL_CLOEXEC);
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(poller, EPOLL_CTL_ADD, timer, &event);
    char order[128];
    int input = STDIN_FILENO;
    for (;;) {
        /* Heartbeats are answered while no order is there. */
        fd_set set;
        FD_ZERO(&set);
        FD_SET(input, &set);
        FD_SET(poller, &set);
        if (select(poller + 1, &set, NULL, NULL, NULL) < 0) continue;
        if (FD_ISSET(poller, &set)) turn(0);
        if (!FD_ISSET(input, &set)) continue;
        size_t length = 0;
        while (length < sizeof order - 1 && read(input, order + length, 1) == 1 && order[length] != '\n') length++;
        if (!length) return 0;
        order[length] = 0;
        double a = 0, b = 0, c = 0;
        char word[16];
        if (sscanf(order, "%15s %lf %lf %lf", word, &a, &b, &c) < 1 || !strcmp(word, "quit")) return 0;
        if (!strcmp(word, "connect")) do_connect((int)a);
        else if (!strcmp(word, "closed")) do_load(a, b, (int)c, 0);
        else if (!strcmp(word, "open")) do_load(a, b, 0, c);
        else if (!strcmp(word, "idle")) do_idle(a);
    }
}

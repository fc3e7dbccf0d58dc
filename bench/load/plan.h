/* What to speak, read from a file: how a delivery and an acknowledgement look, how a message is said, and for each
   connection what to wait for and to answer until it is in its room. The same program so speaks to every contender. */
#ifndef PLAN_H
#define PLAN_H

#include <stddef.h>

#define MAX_STEPS 8

struct text {
    char *bytes;
    size_t length;
};

struct seat { /* a connection to be */
    struct text room, path;
    int sends, port;
    int steps;
    struct text expected[MAX_STEPS]; /* a frame that begins so is waited for ... */
    struct text answer[MAX_STEPS];   /* ... and answered so, the last one by nothing */
};

struct plan {
    struct text event, ack, good; /* beginnings of frames; `good` is somewhere in an ack that is no refusal */
    struct text send;             /* %a ack id, %r room, %c client id, %b body, %x the next number of `cycle` */
    struct text seq;              /* the key before a delivery's number in its room */
    long first, step, count;      /* of %x */
    int engine_io;                /* heartbeats are packets `2` and `3` */
    int seats;
    struct seat *seat;
};

void read_plan(const char *path, struct plan *plan);

#endif

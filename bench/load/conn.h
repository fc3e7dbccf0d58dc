/* One WebSocket client (RFC 6455): shakes hands, goes through its seat's steps, then counts what it hears. */
#ifndef CONN_H
#define CONN_H

#include <stdint.h>

#include "histogram.h"
#include "plan.h"

#define IN_FLIGHT 256 /* acks that may be out for one sender; a power of two */

enum stage { UNUSED, CONNECTING, SHAKING, STEPPING, READY, ENDED };

struct conn {
    int fd;
    enum stage stage;
    int step;
    const struct seat *seat;
    char *rest; /* of a frame that has not come whole */
    size_t rest_length, rest_room;
    long seq;          /* of the last delivery; -1 before the first */
    unsigned seq_at;   /* where the number stood in it: most stand there again */
    uint64_t ack_id;   /* of the last send */
    uint64_t *sent_at; /* senders only: by ack id, when */
};

struct counts {
    uint64_t sent, acks, refused, deliveries, gaps, doubles, bytes, ended;
    struct histogram delivery, ack;
};

extern struct counts counts;
extern const struct plan *plan;

uint64_t now_ns(void);
void conn_open(struct conn *conn, const struct seat *seat, int poller);
void conn_writable(struct conn *conn, int poller);
/* Reads what there is. Acks arriving call `on_ack`, a seat's last step `on_ready`. */
void conn_readable(struct conn *conn);
/* One message; its latencies count from `since`. */
void conn_send(struct conn *conn, uint64_t since);

void on_ack(struct conn *conn);
void on_ready(struct conn *conn);

#endif

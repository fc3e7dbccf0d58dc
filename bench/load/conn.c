#define _GNU_SOURCE
#include "conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define READ_BYTES (1 << 20)
#define STAMP "t~" /* in a body, before the time of sending as 16 hexadecimal digits */

struct counts counts;
const struct plan *plan;
static char buffer[READ_BYTES * 2];
static uint32_t mask_seed = 2463534242u;

uint64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void end(struct conn *conn, const char *why, const char *frame, size_t length) {
    if (conn->stage == ENDED) return;
    counts.ended++;
    fprintf(stderr, "load: a connection ended in stage %d step %d: %s %.*s\n", conn->stage, conn->step, why,
            (int)(length > 300 ? 300 : length), frame);
    conn->stage = ENDED;
    close(conn->fd);
}

static void write_all(struct conn *conn, const char *bytes, size_t length) {
    ssize_t written = send(conn->fd, bytes, length, MSG_NOSIGNAL);
    if (written != (ssize_t)length) end(conn, "could not write at once", "", 0);
}

static void write_frame(struct conn *conn, int opcode, const char *payload, size_t length) {
    static char frame[70000];
    size_t head = 2;
    frame[0] = (char)(0x80 | opcode);
    if (length < 126) frame[1] = (char)(0x80 | length);
    else {
        frame[1] = (char)(0x80 | 126);
        frame[2] = (char)(length >> 8);
        frame[3] = (char)length;
        head = 4;
    }
    mask_seed ^= mask_seed << 13, mask_seed ^= mask_seed >> 17, mask_seed ^= mask_seed << 5;
    memcpy(frame + head, &mask_seed, 4);
    for (size_t i = 0; i < length; i++) frame[head + 4 + i] = (char)(payload[i] ^ frame[head + (i & 3)]);
    write_all(conn, frame, head + 4 + length);
}

void conn_open(struct conn *conn, const struct seat *seat, int poller) {
    memset(conn, 0, sizeof *conn);
    conn->seat = seat;
    conn->seq = -1;
    conn->stage = CONNECTING;
    if (seat->sends) conn->sent_at = calloc(IN_FLIGHT, sizeof *conn->sent_at);
    conn->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;
    setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)seat->port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(conn->fd, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS) {
        end(conn, strerror(errno), "", 0);
        return;
    }
    struct epoll_event event = {.events = EPOLLOUT | EPOLLIN, .data.ptr = conn};
    epoll_ctl(poller, EPOLL_CTL_ADD, conn->fd, &event);
}

void conn_writable(struct conn *conn, int poller) {
    if (conn->stage != CONNECTING) return;
    char request[8192];
    int length = snprintf(request, sizeof request,
                          "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
                          conn->seat->path.bytes);
    conn->stage = SHAKING;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = conn};
    epoll_ctl(poller, EPOLL_CTL_MOD, conn->fd, &event);
    write_all(conn, request, (size_t)length);
}

static int begins(const char *bytes, size_t length, struct text with) {
    return length >= with.length && memcmp(bytes, with.bytes, with.length) == 0;
}

static uint64_t hex(const char *digits) {
    uint64_t value = 0;
    for (int i = 0; i < 16; i++) value = value << 4 | (uint64_t)(digits[i] <= '9' ? digits[i] - '0' : digits[i] - 'a' + 10);
    return value;
}

static void heard_delivery(struct conn *conn, const char *bytes, size_t length, uint64_t moment) {
    counts.deliveries++;
    const char *key = bytes + conn->seq_at;
    if (conn->seq_at + plan->seq.length >= length || memcmp(key, plan->seq.bytes, plan->seq.length) != 0)
        key = memmem(bytes, length, plan->seq.bytes, plan->seq.length);
    if (key) {
        conn->seq_at = (unsigned)(key - bytes);
        long seq = strtol(key + plan->seq.length, NULL, 10);
        if (conn->seq >= 0 && seq > conn->seq + 1) counts.gaps++;
        if (seq <= conn->seq) counts.doubles++;
        conn->seq = seq;
    }
    const char *stamp = memmem(bytes, length, STAMP, sizeof STAMP - 1);
    if (stamp && stamp + 18 <= bytes + length) note(&counts.delivery, moment - hex(stamp + 2));
}

static void heard_ack(struct conn *conn, const char *bytes, size_t length, uint64_t moment) {
    uint64_t id = strtoull(bytes + plan->ack.length, NULL, 10);
    if (memmem(bytes, length, plan->good.bytes, plan->good.length)) counts.acks++;
    else {
        if (!counts.refused++) fprintf(stderr, "load: refused: %.*s\n", (int)(length > 300 ? 300 : length), bytes);
    }
    if (conn->sent_at) note(&counts.ack, moment - conn->sent_at[id % IN_FLIGHT]);
    on_ack(conn);
}

static void heard(struct conn *conn, int opcode, const char *bytes, size_t length, uint64_t moment) {
    if (opcode == 8) end(conn, "closed by the server", bytes, length);
    else if (opcode == 9) write_frame(conn, 10, bytes, length);
    else if (opcode != 1) return;
    else if (plan->engine_io && length == 1 && bytes[0] == '2') write_frame(conn, 1, "3", 1);
    else if (begins(bytes, length, plan->event)) heard_delivery(conn, bytes, length, moment);
    else if (conn->stage == READY && begins(bytes, length, plan->ack)) heard_ack(conn, bytes, length, moment);
    else if (conn->stage == STEPPING && begins(bytes, length, conn->seat->expected[conn->step])) {
        struct text answer = conn->seat->answer[conn->step++];
        if (answer.length) write_frame(conn, 1, answer.bytes, answer.length);
        if (conn->step == conn->seat->steps) {
            conn->stage = READY;
            on_ready(conn);
        }
    } else if (conn->stage == STEPPING && memmem(bytes, length, "rror", 4)) end(conn, "refused", bytes, length);
}

/* Whole frames of `bytes`; how many bytes they were. */
static size_t hear_frames(struct conn *conn, const char *bytes, size_t length, uint64_t moment) {
    size_t at = 0;
    while (length - at >= 2 && conn->stage != ENDED) {
        const unsigned char *head = (const unsigned char *)bytes + at;
        size_t size = head[1] & 127, start = 2;
        if (size == 126) {
            if (length - at < 4) break;
            size = (size_t)head[2] << 8 | head[3];
            start = 4;
        } else if (size == 127) {
            if (length - at < 10) break;
            size = 0;
            for (int i = 2; i < 10; i++) size = size << 8 | head[i];
            start = 10;
        }
        if (length - at < start + size) break;
        heard(conn, head[0] & 15, bytes + at + start, size, moment);
        at += start + size;
    }
    return at;
}

void conn_readable(struct conn *conn) {
    if (conn->stage == ENDED) return;
    size_t before = conn->rest_length;
    memcpy(buffer, conn->rest, before);
    ssize_t got = recv(conn->fd, buffer + before, sizeof buffer - before, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) {
        end(conn, got == 0 ? "end of file" : strerror(errno), buffer, before);
        return;
    }
    counts.bytes += (uint64_t)got;
    size_t length = before + (size_t)got, used = 0;
    if (conn->stage == SHAKING) {
        const char *body = memmem(buffer, length, "\r\n\r\n", 4);
        if (body && memcmp(buffer, "HTTP/1.1 101", 12) != 0) {
            end(conn, "no handshake", buffer, length);
            return;
        }
        if (body) {
            used = (size_t)(body + 4 - buffer);
            conn->stage = STEPPING;
        }
    }
    if (conn->stage > SHAKING) used += hear_frames(conn, buffer + used, length - used, now_ns());
    conn->rest_length = length - used;
    if (conn->rest_length > conn->rest_room) {
        conn->rest_room = conn->rest_length;
        conn->rest = realloc(conn->rest, conn->rest_room);
    }
    memcpy(conn->rest, buffer + used, conn->rest_length);
}

void conn_send(struct conn *conn, uint64_t since) {
    static char payload[65536];
    static uint64_t run; /* makes client ids of another run other ones */
    if (!run) run = (uint64_t)time(NULL);
    uint64_t id = ++conn->ack_id;
    size_t length = 0;
    for (const char *c = plan->send.bytes; *c; c++) {
        char *to = payload + length;
        if (*c != '%') {
            *to = *c;
            length++;
            continue;
        }
        switch (*++c) {
        case 'a': length += (size_t)sprintf(to, "%lu", (unsigned long)id); break;
        case 'r': length += (size_t)sprintf(to, "%s", conn->seat->room.bytes); break;
        case 'c': length += (size_t)sprintf(to, "b%lx-%lx-%lx", (unsigned long)run, (unsigned long)conn->fd, (unsigned long)id); break;
        case 'b': length += (size_t)sprintf(to, STAMP "%016lx Has anybody solved the third exercise yet?", (unsigned long)since); break;
        case 'x': length += (size_t)sprintf(to, "%ld", plan->first + plan->step * (long)(id % (uint64_t)plan->count)); break;
        default: *to = *c; length++;
        }
    }
    conn->sent_at[id % IN_FLIGHT] = since;
    counts.sent++;
    write_frame(conn, 1, payload, length);
}

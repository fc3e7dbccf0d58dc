#define _GNU_SOURCE
#include "plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct text copied(const char *bytes) {
    struct text text = {strdup(bytes), strlen(bytes)};
    return text;
}

static void read_seat(struct plan *plan, char *line) {
    plan->seat = realloc(plan->seat, (size_t)(plan->seats + 1) * sizeof *plan->seat);
    struct seat *seat = &plan->seat[plan->seats++];
    memset(seat, 0, sizeof *seat);
    char *rest = line;
    seat->room = copied(strsep(&rest, "\t"));
    seat->sends = atoi(strsep(&rest, "\t"));
    seat->port = atoi(strsep(&rest, "\t"));
    seat->path = copied(strsep(&rest, "\t"));
    for (char *field; (field = strsep(&rest, "\t")) != NULL;) {
        if (seat->steps == MAX_STEPS) exit(2);
        seat->expected[seat->steps] = copied(field);
        field = strsep(&rest, "\t");
        seat->answer[seat->steps++] = copied(field ? field : "");
    }
}

void read_plan(const char *path, struct plan *plan) {
    FILE *file = fopen(path, "r");
    if (!file) {
        perror(path);
        exit(2);
    }
    memset(plan, 0, sizeof *plan);
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, file) > 0) {
        line[strcspn(line, "\n")] = 0;
        char *value = line;
        const char *word = strsep(&value, "\t");
        if (!value) continue;
        if (!strcmp(word, "event")) plan->event = copied(value);
        else if (!strcmp(word, "ack")) plan->ack = copied(value);
        else if (!strcmp(word, "good")) plan->good = copied(value);
        else if (!strcmp(word, "send")) plan->send = copied(value);
        else if (!strcmp(word, "seq")) plan->seq = copied(value);
        else if (!strcmp(word, "cycle")) sscanf(value, "%ld %ld %ld", &plan->first, &plan->step, &plan->count);
        else if (!strcmp(word, "engine_io")) plan->engine_io = atoi(value);
        else if (!strcmp(word, "seat")) read_seat(plan, value);
    }
    free(line);
    fclose(file);
}

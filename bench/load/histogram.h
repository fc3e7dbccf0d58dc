/* Latencies in buckets a few per cent wide (the idea of HdrHistogram, Gil Tene): fixed memory, no sample is kept. */
#ifndef HISTOGRAM_H
#define HISTOGRAM_H

#include <stdint.h>
#include <string.h>

#define SUB_BITS 5 /* 32 buckets an octave: 3 % */
#define BUCKETS (64 << SUB_BITS)

struct histogram {
    uint64_t count, max;
    uint64_t buckets[BUCKETS];
};

static inline unsigned bucket_of(uint64_t ns) {
    if (ns < (1u << SUB_BITS)) return (unsigned)ns;
    unsigned octave = 63 - (unsigned)__builtin_clzll(ns);
    return ((octave - SUB_BITS + 1) << SUB_BITS) | (unsigned)((ns >> (octave - SUB_BITS)) & ((1u << SUB_BITS) - 1));
}

static inline uint64_t bucket_start(unsigned bucket) {
    unsigned octave = bucket >> SUB_BITS;
    uint64_t rest = bucket & ((1u << SUB_BITS) - 1);
    return octave == 0 ? rest : (rest | (1u << SUB_BITS)) << (octave - 1);
}

static inline void note(struct histogram *h, uint64_t ns) {
    h->count++;
    if (ns > h->max) h->max = ns;
    h->buckets[bucket_of(ns)]++;
}

/* In nanoseconds; 0 when nothing was noted. */
static inline uint64_t quantile(const struct histogram *h, double q) {
    uint64_t wanted = (uint64_t)(q * (double)h->count), seen = 0;
    for (unsigned i = 0; i < BUCKETS; i++) {
        seen += h->buckets[i];
        if (seen > wanted) return bucket_start(i);
    }
    return h->max;
}

#endif

// Drives the two AXI4-Stream ports of a design that CXXRTL translated, and keeps count.
//
// Included after the generated code, whose top module is `dut`. Built and called by cxxrtl.py,
// whose structure `_Counts` mirrors `counts` below.

#include <cstdint>
#include <cstdio>
#include <string>

#if SPIKELOOM_TRACE
#include <cxxrtl/cxxrtl_vcd.h>
#endif

namespace {

enum status : uint32_t {
    RUNNING = 0,
    DONE = 1,
    STUCK = 2,            // no beat moved for too long
    VALID_DROPPED = 3,    // an offered beat was taken back
    BEAT_CHANGED = 4,     // an offered beat changed before it was accepted
    LAST_WRONG = 5,       // tlast anywhere else than on the last beat of an inference
    SURPLUS = 6,          // a beat more than the inferences hold
    TRACE_FAILED = 7,     // the trace file could not be written
};

struct counts {
    uint64_t cycle;       // cycles since the end of reset
    uint64_t busy;        // cycles in which `busy` was high
    uint64_t sent;        // beats that the design accepted
    uint64_t received;    // beats that the design delivered
    uint32_t status;
};

// splitmix64: any seed will do, also 0.
struct randomness {
    uint64_t state;
    bool below(uint64_t threshold) {
        if (threshold == 0) return false;
        uint64_t z = (state += 0x9e3779b97f4a7c15u);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return ((z ^ (z >> 31)) >> 32) < threshold;
    }
};

// What goes on from one cycle on, bin by bin. When the bins are full, each two become one.
struct activity {
    static constexpr uint64_t BINS = 256;
    uint64_t width = 1;
    uint64_t bins[3][BINS] = {};      // beats accepted, cycles at work, beats delivered

    void add(uint64_t cycle, bool accepted, bool busy, bool delivered) {
        while (cycle / width >= BINS) {
            for (auto &row : bins)
                for (uint64_t n = 0; n < BINS; n++)
                    row[n] = n < BINS / 2 ? row[2 * n] + row[2 * n + 1] : 0;
            width *= 2;
        }
        bins[0][cycle / width] += accepted;
        bins[1][cycle / width] += busy;
        bins[2][cycle / width] += delivered;
    }
};

struct harness {
    cxxrtl_design::p_dut dut;
    counts count{};
    randomness in_gaps, out_gaps;
    uint64_t threshold;   // of 2^32: how likely a side stalls in a cycle
    uint64_t patience;    // cycles without a beat and without work
    uint64_t work;        // cycles without a beat
    uint64_t quiet = 0, silent = 0, drain = 64;
    uint64_t sending = 0, begin = 0;   // the inference that is sent, and its first beat
    bool offering = false;
    bool held = false, held_last = false;
    uint64_t held_data = 0;
    uint64_t watched = 0, watched_end = 0;   // inferences whose activity is kept, end not included
    activity seen;
#if SPIKELOOM_TRACE
    cxxrtl::debug_items items;
    cxxrtl::vcd_writer vcd;
    FILE *file = nullptr;
    uint64_t time = 0;

    void sample() {
        if (file == nullptr) return;
        vcd.sample(time);
        time += 10;
        if (vcd.buffer.size() > (1u << 20)) flush();
    }
    void flush() {
        if (file == nullptr) return;
        if (fwrite(vcd.buffer.data(), 1, vcd.buffer.size(), file) != vcd.buffer.size())
            count.status = TRACE_FAILED;
        vcd.buffer.clear();
    }
#else
    void sample() {}
#endif

    void fall() {
        dut.p_clk.set<uint32_t>(0);
        dut.step();
        sample();
    }
    void rise() {
        dut.p_clk.set<uint32_t>(1);
        dut.step();
        sample();
    }

    void reset(uint64_t cycles) {
        dut.p_s__axis__tvalid.set<uint32_t>(0);
        dut.p_m__axis__tready.set<uint32_t>(0);
        dut.p_rst.set<uint32_t>(1);
        for (; cycles > 0; cycles--) {
            fall();
            rise();
        }
        dut.p_rst.set<uint32_t>(0);
        count = {};
        quiet = silent = sending = begin = 0;
        drain = 64;
        offering = held = false;
        seen = {};
    }

    void cycle(const uint64_t *beats, const uint64_t *ends, uint64_t frames, uint64_t *out,
               uint64_t out_frame, uint64_t *first_in, uint64_t *last_out) {
        const uint64_t total = ends[frames - 1], out_total = out_frame * frames;
        if (!offering && count.sent < total) offering = !in_gaps.below(threshold);
        const bool ready = !out_gaps.below(threshold);
        dut.p_s__axis__tvalid.set<uint32_t>(offering);
        if (offering) {
            dut.p_s__axis__tdata.set<uint64_t>(beats[count.sent]);
            dut.p_s__axis__tlast.set<uint32_t>(count.sent + 1 == ends[sending]);
        }
        dut.p_m__axis__tready.set<uint32_t>(ready);
        fall();

        const bool accepted = offering && dut.p_s__axis__tready.get<uint32_t>();
        const bool valid = dut.p_m__axis__tvalid.get<uint32_t>();
        const bool last = dut.p_m__axis__tlast.get<uint32_t>();
        const uint64_t data = dut.p_m__axis__tdata.get<uint64_t>();
        const bool busy = dut.p_busy.get<uint32_t>();
        if (held && !valid) count.status = VALID_DROPPED;
        else if (held && (data != held_data || last != held_last)) count.status = BEAT_CHANGED;
        else if (valid && count.received == out_total) count.status = SURPLUS;
        else if (valid && last != ((count.received + 1) % out_frame == 0)) count.status = LAST_WRONG;
        if (count.status != RUNNING) return;

        if (accepted) {
            if (count.sent == begin) first_in[sending] = count.cycle;
            if (++count.sent == ends[sending]) {
                begin = count.sent;
                sending++;
            }
            offering = false;
        }
        if (valid && ready) {
            out[count.received++] = data;
            if (count.received % out_frame == 0)
                last_out[count.received / out_frame - 1] = count.cycle;
        }
        held = valid && !ready;
        held_data = data;
        held_last = last;
        const bool delivered = valid && ready;
        const bool begun = sending > watched || (sending == watched && count.sent > begin);
        if (begun && count.received - delivered < watched_end * out_frame)
            seen.add(count.cycle - first_in[watched], accepted, busy, delivered);
        count.busy += busy;
        count.cycle++;
        silent = accepted || (valid && ready) ? 0 : silent + 1;
        quiet = silent == 0 || busy ? 0 : quiet + 1;
        if (count.received == out_total && count.sent == total) {
            if (drain-- == 0) count.status = DONE;
        } else if (quiet > patience || silent > work) {
            count.status = STUCK;
        }
        rise();
    }
};

}  // namespace

#define EXPORT extern "C" __attribute__((visibility("default")))

// Builds the design and resets it. Gives NULL if the trace file cannot be opened.
EXPORT harness *spikeloom_new(uint64_t threshold, uint64_t seed, uint64_t patience, uint64_t work,
                              uint64_t reset, uint64_t watched, uint64_t watched_end,
                              const char *trace) {
    auto *self = new harness();
    self->in_gaps.state = 2 * seed;
    self->out_gaps.state = ~(2 * seed);
    self->threshold = threshold;
    self->patience = patience;
    self->work = work;
    self->watched = watched;
    self->watched_end = watched_end;
#if SPIKELOOM_TRACE
    if (*trace != 0) {
        self->file = fopen(trace, "wb");
        if (self->file == nullptr) {
            delete self;
            return nullptr;
        }
    }
    self->dut.debug_info(&self->items, nullptr, "");
    self->vcd.timescale(1, "ns");
    self->vcd.add_without_memories(self->items);
#else
    (void)trace;
#endif
    self->reset(reset);
    return self;
}

// Runs at most `chunk` cycles; call again while the status is RUNNING. `ends` says for each of the
// `frames` inferences how many beats are sent up to its end.
EXPORT void spikeloom_run(harness *self, uint64_t chunk, const uint64_t *beats,
                          const uint64_t *ends, uint64_t frames, uint64_t *out, uint64_t out_frame,
                          uint64_t *first_in, uint64_t *last_out, counts *result) {
    for (; chunk > 0 && self->count.status == RUNNING; chunk--)
        self->cycle(beats, ends, frames, out, out_frame, first_in, last_out);
    *result = self->count;
}

// Copies the bins of the watched inferences, kind by kind; gives how many cycles a bin has.
EXPORT uint64_t spikeloom_activity(harness *self, uint64_t *bins) {
    for (const auto &row : self->seen.bins)
        for (const uint64_t count : row) *bins++ = count;
    return self->seen.width;
}

// Resets it once more; what comes next is counted from 0.
EXPORT void spikeloom_reset(harness *self, uint64_t cycles) { self->reset(cycles); }

#if SPIKELOOM_TRACE
// Flips one bit of all the registers, where there is a bit of that number. Gives how many there
// are. A register has one name among those of its wires that is no alias.
EXPORT uint64_t spikeloom_flip(harness *self, uint64_t bit) {
    uint64_t bits = 0;
    for (auto &named : self->items.table)
        for (auto &item : named.second) {
            if (item.type != cxxrtl::debug_item::WIRE) continue;
            if (!(item.flags & cxxrtl::debug_item::DRIVEN_SYNC)) continue;
            if (bit >= bits && bit - bits < item.width) {
                const uint64_t place = bit - bits;
                item.curr[place / 32] ^= 1u << place % 32;
                item.next[place / 32] = item.curr[place / 32];
            }
            bits += item.width;
        }
    return bits;
}
#endif

// Ends the trace. Gives 0 if all of it reached the file.
EXPORT int spikeloom_delete(harness *self) {
    int failed = 0;
#if SPIKELOOM_TRACE
    self->flush();
    failed = self->count.status == TRACE_FAILED;
    if (self->file != nullptr) failed |= fclose(self->file) != 0;
#endif
    delete self;
    return failed;
}

// A stand-in for libuhd: UHD's C interface, devices that keep time and hear each other, and faults on demand.
// The file that UHD_DOUBLE_ETHER names joins the devices of several processes, UHD_DOUBLE_NOISE is the noise's amplitude.
// uhd_double.h is made of the declarations that radio/libraries calls; another test holds those against uhd.h.
#include "uhd_double.h"
#include <math.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

struct laboratory lab = {.channels = 2, .boards = 1, .pps = 1, .reference = 1, .gps = 1, .locked = 1};

enum { PACKET = 364, MOST = 64, LONGEST = 1 << 17, TIMEOUT = 1, LATE = 2, OVERFLOW = 8, ACK = 1, UNDERFLOW = 2, SEQUENCE = 4, TIME_ERROR = 8 };
typedef struct { float re, im; } sample;
typedef struct { double begin_s; size_t n; int ready; sample samples[LONGEST]; } burst;
struct uhd_usrp { double offset_s, armed_pulse_s, armed_s; double value[2][8]; };
struct uhd_string_vector_t { size_t n; char text[16][256]; };
struct uhd_meta_range_t { double start, stop; };
struct uhd_sensor_value_t { bool value; };
struct uhd_rx_metadata_t { bool timed, out_of_sequence; int64_t full; double fraction; int error; };
struct uhd_tx_metadata_t { bool timed, start, end; int64_t full; double fraction; };
struct uhd_async_metadata_t { int64_t full; double fraction; int code; };
struct uhd_rx_streamer { struct uhd_usrp *usrp; size_t channels; bool running; int64_t tick; int error; };
struct uhd_tx_streamer { struct uhd_usrp *usrp; size_t channels; sample *samples; size_t n; int64_t full; double fraction;
    struct uhd_async_metadata_t messages[MOST]; size_t n_messages; };

static struct { size_t n; burst bursts[MOST]; } *ether;  // the last bursts by the unix time at which they leave
static char last_error[512];

static void open_ether(void) {
    const char *path = getenv("UHD_DOUBLE_ETHER");
    int file = path ? open(path, O_RDWR | O_CREAT, 0600) : -1;
    if (ether || (path && ftruncate(file, sizeof *ether))) return;
    ether = mmap(NULL, sizeof *ether, PROT_READ | PROT_WRITE, path ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS, file, 0);
}
static void note(const char *format, const char *name, double value, size_t channel) {
    size_t used = strlen(lab.calls);
    snprintf(lab.calls + used, sizeof lab.calls - used, format, name, value, (int)channel);
}
static int fail(const char *text) { snprintf(last_error, sizeof last_error, "%s", text); return 47; }
static double wall(void) { struct timespec t; clock_gettime(CLOCK_REALTIME, &t); return t.tv_sec + 1e-9 * t.tv_nsec; }
static void rest(double s) { struct timespec t = {0, (long)(1e9 * s)}; nanosleep(&t, NULL); }
static double pulse(void) { return floor(wall() - lab.pps_phase_s) + lab.pps_phase_s; }  // the last one
static double now(struct uhd_usrp *u) {
    if (u->armed_pulse_s && wall() >= u->armed_pulse_s) { u->offset_s = u->armed_s - u->armed_pulse_s; u->armed_pulse_s = 0; }
    return wall() + u->offset_s;
}
static int tell(double s, int64_t *full, double *fraction) { *full = (int64_t)floor(s); *fraction = s - floor(s); return 0; }
static int copy(const char *text, char *out, size_t n) { if (n) snprintf(out, n, "%s", text); return 0; }

int uhd_get_last_error(char *out, size_t n) { return copy(last_error, out, n); }
int uhd_get_version_string(char *out, size_t n) { return copy("double", out, n); }
int uhd_string_vector_make(uhd_string_vector_handle *h) { *h = calloc(1, sizeof **h); return 0; }
int uhd_string_vector_free(uhd_string_vector_handle *h) { free(*h); *h = NULL; return 0; }
int uhd_string_vector_at(uhd_string_vector_handle h, size_t i, char *out, size_t n) { return copy(h->text[i], out, n); }
int uhd_string_vector_size(uhd_string_vector_handle h, size_t *out) { *out = h->n; return 0; }
static int split(const char *text, const char *between, uhd_string_vector_handle v) {
    char parts[1024]; snprintf(parts, sizeof parts, "%s", text); v->n = 0;
    for (char *part = strtok(parts, between); part; part = strtok(NULL, between)) snprintf(v->text[v->n++], 256, "%s", part);
    return 0;
}
int uhd_meta_range_make(uhd_meta_range_handle *h) { *h = calloc(1, sizeof **h); return 0; }
int uhd_meta_range_free(uhd_meta_range_handle *h) { free(*h); *h = NULL; return 0; }
int uhd_meta_range_start(uhd_meta_range_handle h, double *out) { *out = h->start; return 0; }
int uhd_meta_range_stop(uhd_meta_range_handle h, double *out) { *out = h->stop; return 0; }
int uhd_sensor_value_make_from_bool(uhd_sensor_value_handle *h, const char *name, bool value, const char *yes, const char *no) {
    *h = calloc(1, sizeof **h); (*h)->value = value; return !name || !yes || !no;
}
int uhd_sensor_value_free(uhd_sensor_value_handle *h) { free(*h); *h = NULL; return 0; }
int uhd_sensor_value_to_bool(uhd_sensor_value_handle h, bool *out) { *out = h->value; return 0; }

int uhd_usrp_find(const char *args, uhd_string_vector_handle *out) { note("find %s %g %d\n", args, 0, 0); return split(lab.found, "\n", *out); }
int uhd_usrp_make(uhd_usrp_handle *h, const char *args) {
    if (!strstr(args, "addr=127.0.0.1") && !strstr(args, "serial=")) {
        char text[400]; snprintf(text, sizeof text, "LookupError: KeyError: No devices found for ----->\nDevice Address:\n    %s\n", args);
        return fail(text);
    }
    open_ether();
    *h = calloc(1, sizeof **h); (*h)->offset_s = -wall(); lab.open++;
    for (int side = 0; side < 2; side++) { (*h)->value[side][0] = 1e6; (*h)->value[side][1] = 1e9; (*h)->value[side][3] = 40e6; }
    return 0;
}
int uhd_usrp_free(uhd_usrp_handle *h) { free(*h); *h = NULL; lab.open--; return 0; }
int uhd_usrp_get_num_mboards(uhd_usrp_handle h, size_t *out) { (void)h; *out = lab.boards; return 0; }
int uhd_usrp_get_time_now(uhd_usrp_handle h, size_t b, int64_t *full, double *fraction) { (void)b; return tell(now(h), full, fraction); }
int uhd_usrp_get_time_last_pps(uhd_usrp_handle h, size_t b, int64_t *full, double *fraction) {
    (void)b; now(h); return tell(lab.pps ? pulse() + h->offset_s + 1e-6 : 0, full, fraction);
}
int uhd_usrp_set_time_now(uhd_usrp_handle h, int64_t full, double fraction, size_t b) { (void)b; h->offset_s = full + fraction - wall(); return 0; }
int uhd_usrp_set_time_next_pps(uhd_usrp_handle h, int64_t full, double fraction, size_t b) {
    if (b != (size_t)-1) return fail("ValueError: one board of several");
    h->armed_pulse_s = pulse() + 1; h->armed_s = full + fraction; return 0;
}
int uhd_usrp_set_time_source(uhd_usrp_handle h, const char *source, size_t b) { (void)h; note("time %s %g %d\n", source, 0, b); return 0; }
int uhd_usrp_set_clock_source(uhd_usrp_handle h, const char *source, size_t b) { (void)h; note("clock %s %g %d\n", source, 0, b); return 0; }
int uhd_usrp_get_time_sources(uhd_usrp_handle h, size_t b, uhd_string_vector_handle *out) { (void)h; (void)b; return split(lab.no_gpsdo ? "internal,external" : "internal,external,gpsdo", ",", *out); }
int uhd_usrp_get_clock_sources(uhd_usrp_handle h, size_t b, uhd_string_vector_handle *out) { return uhd_usrp_get_time_sources(h, b, out); }
int uhd_usrp_get_mboard_sensor_names(uhd_usrp_handle h, size_t b, uhd_string_vector_handle *out) { (void)h; (void)b; return split("ref_locked,gps_locked", ",", *out); }
int uhd_usrp_get_mboard_sensor(uhd_usrp_handle h, const char *name, size_t b, uhd_sensor_value_handle *out) {
    (void)h; bool gps = !strcmp(name, "gps_locked"); (*out)->value = gps ? lab.gps : lab.reference && (int)b != lab.unlocked_board - 1; return 0;
}
int uhd_usrp_set_rx_dc_offset_enabled(uhd_usrp_handle h, bool on, size_t c) { (void)h; note("%s %g %d\n", "rx_dc", on, c); return 0; }
int uhd_usrp_set_rx_iq_balance_enabled(uhd_usrp_handle h, bool on, size_t c) { (void)h; note("%s %g %d\n", "rx_iq", on, c); return 0; }

static double clip(double x, double low, double high) { return x < low ? low : x > high ? high : x; }
static int limits(double start, double stop, uhd_meta_range_handle out) { out->start = start; out->stop = stop; return 0; }

// What both directions have. SIDE is 0 for rx and 1 for tx.
#define DIRECTION(rx, SIDE)                                                                                                       \
    int uhd_usrp_get_##rx##_info(uhd_usrp_handle h, size_t c, uhd_usrp_##rx##_info_t *out) {                                      \
        (void)h; (void)c; memset(out, 0, sizeof *out); out->mboard_id = strdup("X310"); out->mboard_serial = strdup("30AD");      \
        out->rx##_antenna = strdup("RX2"); return 0; }                                                                            \
    int uhd_usrp_##rx##_info_free(uhd_usrp_##rx##_info_t *i) { free(i->mboard_id); free(i->mboard_serial); free(i->rx##_antenna); return 0; } \
    int uhd_usrp_get_##rx##_num_channels(uhd_usrp_handle h, size_t *out) { (void)h; *out = lab.channels; return 0; }              \
    int uhd_usrp_set_##rx##_rate(uhd_usrp_handle h, double v, size_t c) { (void)c; h->value[SIDE][0] = clip(v, 0.2e6, 200e6); return 0; } \
    int uhd_usrp_get_##rx##_rate(uhd_usrp_handle h, size_t c, double *out) { (void)c; *out = h->value[SIDE][0]; return 0; }       \
    int uhd_usrp_get_##rx##_rates(uhd_usrp_handle h, size_t c, uhd_meta_range_handle out) { (void)h; (void)c; return limits(0.2e6, 200e6, out); } \
    int uhd_usrp_set_##rx##_freq(uhd_usrp_handle h, uhd_tune_request_t *r, size_t c, uhd_tune_result_t *result) {                 \
        if (!r->args || r->dsp_freq_policy != 'A') return fail("ValueError: a tune request with holes");                          \
        note("%s %.9g %d\n", "lo_offset", r->rf_freq_policy == 'M' ? r->rf_freq - r->target_freq : 0, c);                         \
        h->value[SIDE][1] = result->actual_rf_freq = r->target_freq; return 0; }                                                  \
    int uhd_usrp_get_##rx##_freq(uhd_usrp_handle h, size_t c, double *out) { (void)c; *out = h->value[SIDE][1]; return 0; }       \
    int uhd_usrp_get_##rx##_freq_range(uhd_usrp_handle h, size_t c, uhd_meta_range_handle out) { (void)h; (void)c; return limits(10e6, 6e9, out); } \
    int uhd_usrp_set_##rx##_gain(uhd_usrp_handle h, double v, size_t c, const char *n) { (void)c; h->value[SIDE][2] = round(2 * clip(v, 0, 31.5)) / 2; return *n; } \
    int uhd_usrp_get_##rx##_gain(uhd_usrp_handle h, size_t c, const char *n, double *out) { (void)c; *out = h->value[SIDE][2]; return *n; } \
    int uhd_usrp_get_##rx##_gain_range(uhd_usrp_handle h, const char *n, size_t c, uhd_meta_range_handle out) { (void)h; (void)c; limits(0, 31.5, out); return *n; } \
    int uhd_usrp_set_##rx##_antenna(uhd_usrp_handle h, const char *name, size_t c) { (void)h; note("antenna %s %g %d\n", name, 0, c); return 0; } \
    int uhd_usrp_set_##rx##_bandwidth(uhd_usrp_handle h, double v, size_t c) { (void)c; h->value[SIDE][3] = v; return 0; }        \
    int uhd_usrp_get_##rx##_bandwidth(uhd_usrp_handle h, size_t c, double *out) { (void)c; *out = h->value[SIDE][3]; return 0; }  \
    int uhd_usrp_get_##rx##_sensor_names(uhd_usrp_handle h, size_t c, uhd_string_vector_handle *out) { (void)h; (void)c; return split("lo_locked", ",", *out); } \
    int uhd_usrp_get_##rx##_sensor(uhd_usrp_handle h, const char *n, size_t c, uhd_sensor_value_handle *out) { (void)h; (void)n; (void)c; (*out)->value = lab.locked; return 0; } \
    int uhd_usrp_get_##rx##_stream(uhd_usrp_handle h, uhd_stream_args_t *a, uhd_##rx##_streamer_handle out) {                     \
        if (strcmp(a->cpu_format, "fc32") || strcmp(a->otw_format, "sc16") || !a->args) return fail("ValueError: formats");       \
        for (int c = 0; c < a->n_channels; c++) if (a->channel_list[c] != (size_t)c) return fail("ValueError: channels");         \
        out->usrp = h; out->channels = a->n_channels; return 0; }                                                                 \
    int uhd_##rx##_streamer_make(uhd_##rx##_streamer_handle *h) { *h = calloc(1, sizeof **h); return 0; }                         \
    int uhd_##rx##_streamer_free(uhd_##rx##_streamer_handle *h) { free(*h); *h = NULL; return 0; }                                \
    int uhd_##rx##_streamer_max_num_samps(uhd_##rx##_streamer_handle h, size_t *out) { (void)h; *out = PACKET; return 0; }
DIRECTION(rx, 0)
DIRECTION(tx, 1)

static int64_t to_tick(double s, double rate) { return (int64_t)floor(s) * (int64_t)rate + (int64_t)round((s - floor(s)) * rate); }

int uhd_rx_streamer_issue_stream_cmd(uhd_rx_streamer_handle h, const uhd_stream_cmd_t *cmd) {
    if (*lab.broken) return fail(lab.broken);
    h->running = cmd->stream_mode == 'a';
    if (!h->running) return 0;
    if (h->channels > 1 && cmd->stream_now) return fail("ValueError: several channels need a start time");
    double rate = h->usrp->value[0][0];
    h->tick = cmd->time_spec_full_secs * (int64_t)rate + (int64_t)round(cmd->time_spec_frac_secs * rate);
    if (h->tick < to_tick(now(h->usrp), rate) || lab.late_start) { lab.late_start = 0; h->error = LATE; h->running = false; }
    return 0;
}
static float noise(void) {  // of variance 1: the sum of twelve uniform numbers, and no library's generator
    static uint32_t state = 1; float sum = -6;
    for (int i = 0; i < 12; i++) { state = state * 1664525u + 1013904223u; sum += (float)(state >> 8) / (1 << 24); }
    return sum;
}
static void hear(uhd_rx_streamer_handle h, sample *out, size_t n, double rate) {
    const char *loud = getenv("UHD_DOUBLE_NOISE");
    float amplitude = loud ? atof(loud) : 0;
    for (size_t k = 0; k < n; k++) out[k] = amplitude ? (sample){amplitude * noise(), amplitude * noise()} : (sample){0, 0};
    for (size_t i = 0; i < MOST; i++) {
        const burst *one = &ether->bursts[i];
        if (!__atomic_load_n(&one->ready, __ATOMIC_ACQUIRE)) continue;
        int64_t place = (int64_t)round((one->begin_s + h->usrp->offset_s) * rate) - h->tick;
        for (int64_t k = place < 0 ? 0 : place; k < (int64_t)n && k - place < (int64_t)one->n; k++) {
            out[k].re += one->samples[k - place].re; out[k].im += one->samples[k - place].im;
        }
    }
}
int uhd_rx_streamer_recv(uhd_rx_streamer_handle h, void **buffs, size_t n, uhd_rx_metadata_handle *md, double timeout, bool one, size_t *got) {
    (void)one; memset(*md, 0, sizeof **md); *got = 0;
    if (*lab.broken) return fail(lab.broken);
    if (h->error) { (*md)->error = h->error; h->error = 0; return 0; }
    if (lab.overflow_samples && h->running) {
        h->tick += lab.overflow_samples; lab.overflow_samples = 0;
        (*md)->error = OVERFLOW; (*md)->out_of_sequence = lab.out_of_sequence; return 0;
    }
    double rate = h->usrp->value[0][0], end = wall() + timeout;
    while (lab.silent || !h->running || to_tick(now(h->usrp), rate) < h->tick + (int64_t)n) {
        if (wall() > end) { (*md)->error = TIMEOUT; return 0; }
        rest(0.0005);
    }
    (*md)->timed = true; (*md)->full = h->tick / (int64_t)rate; (*md)->fraction = (h->tick % (int64_t)rate) / rate;
    for (size_t c = 0; c < h->channels; c++) hear(h, buffs[c], n, rate);
    h->tick += n; *got = n; return 0;
}
int uhd_rx_metadata_make(uhd_rx_metadata_handle *h) { *h = calloc(1, sizeof **h); return 0; }
int uhd_rx_metadata_free(uhd_rx_metadata_handle *h) { free(*h); *h = NULL; return 0; }
int uhd_rx_metadata_has_time_spec(uhd_rx_metadata_handle h, bool *out) { *out = h->timed; return 0; }
int uhd_rx_metadata_time_spec(uhd_rx_metadata_handle h, int64_t *full, double *fraction) { *full = h->full; *fraction = h->fraction; return 0; }
int uhd_rx_metadata_out_of_sequence(uhd_rx_metadata_handle h, bool *out) { *out = h->out_of_sequence; return 0; }
int uhd_rx_metadata_error_code(uhd_rx_metadata_handle h, int *out) { *out = h->error; return 0; }

static void message(uhd_tx_streamer_handle h, int code) {
    if (h->n_messages < MOST) h->messages[h->n_messages++] = (struct uhd_async_metadata_t){h->full, h->fraction, code};
}
static void finish(uhd_tx_streamer_handle h) {
    double begin_s = h->full + h->fraction;
    if (begin_s < now(h->usrp) - 0.001) { message(h, TIME_ERROR); return; }
    if (lab.underflow) message(h, UNDERFLOW);
    if (lab.sequence_error) message(h, SEQUENCE);
    message(h, ACK);
    burst *one = &ether->bursts[__atomic_fetch_add(&ether->n, 1, __ATOMIC_RELAXED) % MOST];
    __atomic_store_n(&one->ready, 0, __ATOMIC_RELEASE);
    one->begin_s = begin_s - h->usrp->offset_s; one->n = h->n;
    memcpy(one->samples, h->samples, h->n * sizeof(sample));
    __atomic_store_n(&one->ready, 1, __ATOMIC_RELEASE);
}
int uhd_tx_streamer_send(uhd_tx_streamer_handle h, const void **buffs, size_t n, uhd_tx_metadata_handle *md, double timeout, size_t *sent) {
    (void)timeout; *sent = 0;
    if (*lab.broken) return fail(lab.broken);
    if (lab.full) return 0;
    if (n > PACKET || (*md)->timed != (*md)->start || ((*md)->end && n)) return fail("AssertionError: time on the first chunk, an empty last one");
    if ((*md)->start) { h->full = (*md)->full; h->fraction = (*md)->fraction; h->n = 0; }
    if (!h->samples) h->samples = malloc(LONGEST * sizeof(sample));
    if (h->n + n > LONGEST) return fail("ValueError: a burst too long for this stand-in");
    memcpy(h->samples + h->n, buffs[0], n * sizeof(sample)); h->n += n;
    if ((*md)->end) finish(h);
    *sent = n; return 0;
}
int uhd_tx_streamer_recv_async_msg(uhd_tx_streamer_handle h, uhd_async_metadata_handle *md, double timeout, bool *valid) {
    (void)timeout;
    if ((*valid = h->n_messages > 0)) { **md = h->messages[0]; memmove(h->messages, h->messages + 1, --h->n_messages * sizeof h->messages[0]); }
    return 0;
}
int uhd_tx_metadata_make(uhd_tx_metadata_handle *h, bool timed, int64_t full, double fraction, bool start, bool end) {
    *h = calloc(1, sizeof **h); **h = (struct uhd_tx_metadata_t){timed, start, end, full, fraction}; return 0;
}
int uhd_tx_metadata_free(uhd_tx_metadata_handle *h) { free(*h); *h = NULL; return 0; }
int uhd_async_metadata_make(uhd_async_metadata_handle *h) { *h = calloc(1, sizeof **h); return 0; }
int uhd_async_metadata_free(uhd_async_metadata_handle *h) { free(*h); *h = NULL; return 0; }
int uhd_async_metadata_has_time_spec(uhd_async_metadata_handle h, bool *out) { (void)h; *out = true; return 0; }
int uhd_async_metadata_time_spec(uhd_async_metadata_handle h, int64_t *full, double *fraction) { *full = h->full; *fraction = h->fraction; return 0; }
int uhd_async_metadata_event_code(uhd_async_metadata_handle h, int *out) { *out = h->code; return 0; }

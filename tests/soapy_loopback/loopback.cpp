// A SoapySDR device for tests: what it transmits it receives again, at the time it was sent for.
// The file that SOAPY_LOOPBACK_ETHER names joins the devices of several processes, each with a clock of its own;
// SOAPY_LOOPBACK_NOISE is the amplitude of noise. Samples without a time stamp follow the ones before, at most half a
// second ahead; where none followed in time there is a gap and an underflow.
#include <SoapySDR/Device.hpp>
#include <SoapySDR/Formats.hpp>
#include <SoapySDR/Registry.hpp>
#include <SoapySDR/Time.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <complex>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <random>
#include <stdexcept>
#include <sys/mman.h>
#include <thread>
#include <unistd.h>

using Sample = std::complex<float>;
static constexpr size_t BLOCK = 4096, BLOCKS = 1024;
struct Ether {  // the last blocks that were sent, by the tick of the machine's clock at which they leave
    std::atomic<size_t> count;
    std::atomic<long long> begin[BLOCKS];  // 0: being written
    size_t length[BLOCKS];
    Sample samples[BLOCKS][BLOCK];
};

static Ether *openEther() {
    const char *path = getenv("SOAPY_LOOPBACK_ETHER");
    const int file = path ? open(path, O_RDWR | O_CREAT, 0600) : -1;
    if (path && ftruncate(file, sizeof(Ether))) throw std::runtime_error("no ether");
    void *place = mmap(nullptr, sizeof(Ether), PROT_READ | PROT_WRITE, path ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS, file, 0);
    return static_cast<Ether *>(place);
}
static Ether *const ether = openEther();

class Loopback : public SoapySDR::Device {
    double rate = 1e6, gains[2] = {0, 0}, frequencies[2] = {1e9, 1e9}, bandwidth = 1e6;
    long long readTick = 0;
    bool streaming = false;  // a burst has begun and not ended
    int pendingStatus = 0;
    bool clock;
    int rx, tx;  // their addresses are the streams
    std::chrono::steady_clock::time_point origin = std::chrono::steady_clock::now();

    std::minstd_rand random;
    std::normal_distribution<float> normal;
    long long next = 0;  // tick at which a sample without a time stamp leaves

    long long nowTick() const { return SoapySDR::timeNsToTicks(getHardwareTime(""), rate); }
    long long firstTick() const { return SoapySDR::timeNsToTicks(origin.time_since_epoch().count(), rate); }

public:
    explicit Loopback(const SoapySDR::Kwargs &args) : clock(!args.count("clock") || args.at("clock") != "none") {}
    std::string getDriverKey() const override { return "testloopback"; }
    std::string getHardwareKey() const override { return "loopback in memory"; }
    size_t getNumChannels(const int) const override { return 1; }
    SoapySDR::RangeList getSampleRateRange(const int, const size_t) const override { return {{1e5, 2e7}}; }
    void setSampleRate(const int, const size_t, const double value) override { rate = value; }
    double getSampleRate(const int, const size_t) const override { return rate; }
    SoapySDR::RangeList getFrequencyRange(const int, const size_t) const override { return {{1e8, 4e9}}; }
    void setFrequency(const int d, const size_t, const double value, const SoapySDR::Kwargs &) override { frequencies[d] = value; }
    double getFrequency(const int d, const size_t) const override { return frequencies[d]; }
    SoapySDR::Range getGainRange(const int, const size_t) const override { return {0, 60}; }
    void setGain(const int d, const size_t, const double value) override { gains[d] = double(int(value)); }
    double getGain(const int d, const size_t) const override { return gains[d]; }
    void setBandwidth(const int, const size_t, const double value) override { bandwidth = value; }
    double getBandwidth(const int, const size_t) const override { return bandwidth; }
    bool hasHardwareTime(const std::string &) const override { return clock; }
    long long getHardwareTime(const std::string &) const override {
        return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() - origin).count();
    }
    SoapySDR::Stream *setupStream(const int d, const std::string &format, const std::vector<size_t> &, const SoapySDR::Kwargs &) override {
        if (format != SOAPY_SDR_CF32) throw std::runtime_error("only CF32");
        return reinterpret_cast<SoapySDR::Stream *>(d == SOAPY_SDR_RX ? &rx : &tx);
    }
    void closeStream(SoapySDR::Stream *) override {}
    size_t getStreamMTU(SoapySDR::Stream *) const override { return BLOCK; }
    int activateStream(SoapySDR::Stream *stream, const int, const long long, const size_t) override {
        if (stream == reinterpret_cast<SoapySDR::Stream *>(&rx)) readTick = nowTick();
        return 0;
    }
    int deactivateStream(SoapySDR::Stream *, const int, const long long) override { return 0; }

    int readStream(SoapySDR::Stream *, void *const *buffers, const size_t n, int &flags, long long &timeNs, const long timeoutUs) override {
        const auto begin = std::chrono::steady_clock::now();
        const size_t count = std::min<size_t>(n, BLOCK);
        if (gains[SOAPY_SDR_RX] == 13) {  // a gain that brings bad luck: samples are lost
            gains[SOAPY_SDR_RX] = 14;
            readTick += 5000;
            return SOAPY_SDR_OVERFLOW;
        }
        while (nowTick() < readTick + (long long)count) {
            if (std::chrono::steady_clock::now() - begin > std::chrono::microseconds(timeoutUs)) return SOAPY_SDR_TIMEOUT;
            std::this_thread::sleep_for(std::chrono::microseconds(200));
        }
        auto *out = static_cast<Sample *>(buffers[0]);
        const char *loud = getenv("SOAPY_LOOPBACK_NOISE");
        const float amplitude = loud ? std::atof(loud) : 0;
        for (size_t i = 0; i < count; i++) out[i] = amplitude ? amplitude * Sample(normal(random), normal(random)) : Sample(0);
        const long long first = firstTick() + readTick;
        for (size_t i = 0; i < BLOCKS; i++) {
            const long long begin = ether->begin[i].load(std::memory_order_acquire);
            if (!begin) continue;
            const long long low = std::max(first, begin);
            const long long high = std::min<long long>(first + count, begin + ether->length[i]);
            for (long long tick = low; tick < high; tick++) out[tick - first] += ether->samples[i][tick - begin];
        }
        flags = clock ? SOAPY_SDR_HAS_TIME : 0;
        timeNs = SoapySDR::ticksToTimeNs(readTick, rate);
        readTick += count;
        return int(count);
    }

    int writeStream(SoapySDR::Stream *, const void *const *buffers, const size_t n, int &flags, const long long timeNs, const long timeoutUs) override {
        const auto begin = std::chrono::steady_clock::now();
        if (flags & SOAPY_SDR_HAS_TIME) {
            next = SoapySDR::timeNsToTicks(timeNs, rate);
            if (next < nowTick()) { pendingStatus = SOAPY_SDR_TIME_ERROR; return int(n); }
        } else {
            while (next > nowTick() + rate / 2) {
                if (std::chrono::steady_clock::now() - begin > std::chrono::microseconds(timeoutUs)) return SOAPY_SDR_TIMEOUT;
                std::this_thread::sleep_for(std::chrono::microseconds(500));
            }
            if (next < nowTick()) {
                if (streaming) pendingStatus = SOAPY_SDR_UNDERFLOW;
                next = nowTick() + (streaming ? (long long)(rate / 4) : 0);
            }
        }
        streaming = !(flags & SOAPY_SDR_END_BURST);
        const size_t count = std::min<size_t>(n, BLOCK), place = ether->count++ % BLOCKS;
        ether->begin[place].store(0, std::memory_order_release);
        ether->length[place] = count;
        std::memcpy(static_cast<void *>(ether->samples[place]), buffers[0], count * sizeof(Sample));
        ether->begin[place].store(firstTick() + next, std::memory_order_release);
        next += count;
        if (gains[SOAPY_SDR_TX] == 13) pendingStatus = SOAPY_SDR_UNDERFLOW;
        return int(count);
    }

    int readStreamStatus(SoapySDR::Stream *, size_t &, int &, long long &, const long) override {
        const int status = pendingStatus ? pendingStatus : SOAPY_SDR_TIMEOUT;
        pendingStatus = 0;
        return status;
    }
};

static SoapySDR::KwargsList find(const SoapySDR::Kwargs &args) {
    if (args.count("driver") && args.at("driver") != "testloopback") return {};
    return {{{"driver", "testloopback"}, {"label", "loopback in memory"}, {"serial", "7"}}};
}

// One device for all who open it with the same arguments, so that a transmitter and a receiver share its ether.
static SoapySDR::Device *make(const SoapySDR::Kwargs &args) { return new Loopback(args); }
static SoapySDR::Registry registration("testloopback", &find, &make, SOAPY_SDR_ABI_VERSION);

"""What this package calls of SoapySDR's C interface, as version 0.8 has it; a test compiles it with Device.h."""

TYPES = """
typedef struct SoapySDRDevice SoapySDRDevice;
typedef struct SoapySDRStream SoapySDRStream;
typedef struct { double minimum; double maximum; double step; } SoapySDRRange;
typedef struct { size_t size; char **keys; char **vals; } SoapySDRKwargs;
"""

FUNCTIONS = """
const char *SoapySDR_getABIVersion(void);
const char *SoapySDR_errToStr(const int errorCode);
long long SoapySDR_ticksToTimeNs(const long long ticks, const double rate);
long long SoapySDR_timeNsToTicks(const long long timeNs, const double rate);
void SoapySDR_free(void *ptr);
void SoapySDRKwargs_clear(SoapySDRKwargs *args);
void SoapySDRKwargsList_clear(SoapySDRKwargs *args, const size_t length);
int SoapySDRDevice_lastStatus(void);
const char *SoapySDRDevice_lastError(void);
SoapySDRKwargs *SoapySDRDevice_enumerateStrArgs(const char *args, size_t *length);
SoapySDRDevice *SoapySDRDevice_makeStrArgs(const char *args);
int SoapySDRDevice_unmake(SoapySDRDevice *device);
char *SoapySDRDevice_getDriverKey(const SoapySDRDevice *device);
SoapySDRKwargs SoapySDRDevice_getHardwareInfo(const SoapySDRDevice *device);
size_t SoapySDRDevice_getNumChannels(const SoapySDRDevice *device, const int direction);
bool SoapySDRDevice_hasHardwareTime(const SoapySDRDevice *device, const char *what);
long long SoapySDRDevice_getHardwareTime(const SoapySDRDevice *device, const char *what);
SoapySDRRange *SoapySDRDevice_getSampleRateRange(const SoapySDRDevice *device, const int direction,
    const size_t channel, size_t *length);
SoapySDRRange *SoapySDRDevice_getFrequencyRange(const SoapySDRDevice *device, const int direction,
    const size_t channel, size_t *length);
SoapySDRRange SoapySDRDevice_getGainRange(const SoapySDRDevice *device, const int direction, const size_t channel);
int SoapySDRDevice_setAntenna(SoapySDRDevice *device, const int direction, const size_t channel, const char *name);
int SoapySDRDevice_setSampleRate(SoapySDRDevice *device, const int direction, const size_t channel, const double rate);
double SoapySDRDevice_getSampleRate(const SoapySDRDevice *device, const int direction, const size_t channel);
int SoapySDRDevice_setFrequency(SoapySDRDevice *device, const int direction, const size_t channel,
    const double frequency, const SoapySDRKwargs *args);
double SoapySDRDevice_getFrequency(const SoapySDRDevice *device, const int direction, const size_t channel);
int SoapySDRDevice_setBandwidth(SoapySDRDevice *device, const int direction, const size_t channel, const double bw);
double SoapySDRDevice_getBandwidth(const SoapySDRDevice *device, const int direction, const size_t channel);
bool SoapySDRDevice_hasGainMode(const SoapySDRDevice *device, const int direction, const size_t channel);
int SoapySDRDevice_setGainMode(SoapySDRDevice *device, const int direction, const size_t channel,
    const bool automatic);
int SoapySDRDevice_setGain(SoapySDRDevice *device, const int direction, const size_t channel, const double value);
double SoapySDRDevice_getGain(const SoapySDRDevice *device, const int direction, const size_t channel);
SoapySDRStream *SoapySDRDevice_setupStream(SoapySDRDevice *device, const int direction, const char *format,
    const size_t *channels, const size_t numChans, const SoapySDRKwargs *args);
int SoapySDRDevice_closeStream(SoapySDRDevice *device, SoapySDRStream *stream);
size_t SoapySDRDevice_getStreamMTU(const SoapySDRDevice *device, SoapySDRStream *stream);
int SoapySDRDevice_activateStream(SoapySDRDevice *device, SoapySDRStream *stream, const int flags,
    const long long timeNs, const size_t numElems);
int SoapySDRDevice_deactivateStream(SoapySDRDevice *device, SoapySDRStream *stream, const int flags,
    const long long timeNs);
int SoapySDRDevice_readStream(SoapySDRDevice *device, SoapySDRStream *stream, void * const *buffs,
    const size_t numElems, int *flags, long long *timeNs, const long timeoutUs);
int SoapySDRDevice_writeStream(SoapySDRDevice *device, SoapySDRStream *stream, const void * const *buffs,
    const size_t numElems, int *flags, const long long timeNs, const long timeoutUs);
int SoapySDRDevice_readStreamStatus(SoapySDRDevice *device, SoapySDRStream *stream, size_t *chanMask, int *flags,
    long long *timeNs, const long timeoutUs);
"""

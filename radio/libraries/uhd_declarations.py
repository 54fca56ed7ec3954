"""What this package calls of UHD's C interface, the same from UHD 4.3 on; a test compiles it with uhd.h."""

TYPES = """
typedef int uhd_error;
typedef struct uhd_usrp* uhd_usrp_handle;
typedef struct uhd_rx_streamer* uhd_rx_streamer_handle;
typedef struct uhd_tx_streamer* uhd_tx_streamer_handle;
typedef struct uhd_rx_metadata_t* uhd_rx_metadata_handle;
typedef struct uhd_tx_metadata_t* uhd_tx_metadata_handle;
typedef struct uhd_async_metadata_t* uhd_async_metadata_handle;
typedef struct uhd_meta_range_t* uhd_meta_range_handle;
typedef struct uhd_sensor_value_t* uhd_sensor_value_handle;
typedef struct uhd_string_vector_t* uhd_string_vector_handle;
typedef int uhd_rx_metadata_error_code_t;
typedef int uhd_async_metadata_event_code_t;
typedef struct { char* cpu_format; char* otw_format; char* args; size_t* channel_list; int n_channels; }
    uhd_stream_args_t;
typedef struct { int stream_mode; size_t num_samps; bool stream_now; int64_t time_spec_full_secs;
    double time_spec_frac_secs; } uhd_stream_cmd_t;
typedef struct { double target_freq; int rf_freq_policy; double rf_freq; int dsp_freq_policy; double dsp_freq;
    char* args; } uhd_tune_request_t;
typedef struct { double clipped_rf_freq, target_rf_freq, actual_rf_freq, target_dsp_freq, actual_dsp_freq; }
    uhd_tune_result_t;
typedef struct { char *mboard_id, *mboard_name, *mboard_serial, *rx_id, *rx_subdev_name, *rx_subdev_spec, *rx_serial,
    *rx_antenna; } uhd_usrp_rx_info_t;
typedef struct { char *mboard_id, *mboard_name, *mboard_serial, *tx_id, *tx_subdev_name, *tx_subdev_spec, *tx_serial,
    *tx_antenna; } uhd_usrp_tx_info_t;
"""

_DEVICE = """
uhd_error uhd_get_last_error(char* error_out, size_t strbuffer_len);
uhd_error uhd_get_version_string(char* version_out, size_t buffer_len);
uhd_error uhd_string_vector_make(uhd_string_vector_handle* h);
uhd_error uhd_string_vector_free(uhd_string_vector_handle* h);
uhd_error uhd_string_vector_at(uhd_string_vector_handle h, size_t index, char* value_out, size_t strbuffer_len);
uhd_error uhd_string_vector_size(uhd_string_vector_handle h, size_t* size_out);
uhd_error uhd_meta_range_make(uhd_meta_range_handle* h);
uhd_error uhd_meta_range_free(uhd_meta_range_handle* h);
uhd_error uhd_meta_range_start(uhd_meta_range_handle h, double* start_out);
uhd_error uhd_meta_range_stop(uhd_meta_range_handle h, double* stop_out);
uhd_error uhd_sensor_value_make_from_bool(uhd_sensor_value_handle* h, const char* name, bool value, const char* utrue,
    const char* ufalse);
uhd_error uhd_sensor_value_free(uhd_sensor_value_handle* h);
uhd_error uhd_sensor_value_to_bool(uhd_sensor_value_handle h, bool* value_out);
uhd_error uhd_usrp_find(const char* args, uhd_string_vector_handle* strings_out);
uhd_error uhd_usrp_make(uhd_usrp_handle* h, const char* args);
uhd_error uhd_usrp_free(uhd_usrp_handle* h);
uhd_error uhd_usrp_get_num_mboards(uhd_usrp_handle h, size_t* num_mboards_out);
uhd_error uhd_usrp_get_time_now(uhd_usrp_handle h, size_t mboard, int64_t* full_secs_out, double* frac_secs_out);
uhd_error uhd_usrp_get_time_last_pps(uhd_usrp_handle h, size_t mboard, int64_t* full_secs_out, double* frac_secs_out);
uhd_error uhd_usrp_set_time_now(uhd_usrp_handle h, int64_t full_secs, double frac_secs, size_t mboard);
uhd_error uhd_usrp_set_time_next_pps(uhd_usrp_handle h, int64_t full_secs, double frac_secs, size_t mboard);
uhd_error uhd_usrp_set_time_source(uhd_usrp_handle h, const char* time_source, size_t mboard);
uhd_error uhd_usrp_get_time_sources(uhd_usrp_handle h, size_t mboard, uhd_string_vector_handle* time_sources_out);
uhd_error uhd_usrp_set_clock_source(uhd_usrp_handle h, const char* clock_source, size_t mboard);
uhd_error uhd_usrp_get_clock_sources(uhd_usrp_handle h, size_t mboard, uhd_string_vector_handle* clock_sources_out);
uhd_error uhd_usrp_get_mboard_sensor(uhd_usrp_handle h, const char* name, size_t mboard,
    uhd_sensor_value_handle* sensor_value_out);
uhd_error uhd_usrp_get_mboard_sensor_names(uhd_usrp_handle h, size_t mboard,
    uhd_string_vector_handle* mboard_sensor_names_out);
uhd_error uhd_usrp_set_rx_dc_offset_enabled(uhd_usrp_handle h, bool enb, size_t chan);
uhd_error uhd_usrp_set_rx_iq_balance_enabled(uhd_usrp_handle h, bool enb, size_t chan);
"""

_DIRECTION = """
uhd_error uhd_usrp_get_rx_info(uhd_usrp_handle h, size_t chan, uhd_usrp_rx_info_t* info_out);
uhd_error uhd_usrp_rx_info_free(uhd_usrp_rx_info_t* info);
uhd_error uhd_usrp_get_rx_num_channels(uhd_usrp_handle h, size_t* num_channels_out);
uhd_error uhd_usrp_set_rx_rate(uhd_usrp_handle h, double rate, size_t chan);
uhd_error uhd_usrp_get_rx_rate(uhd_usrp_handle h, size_t chan, double* rate_out);
uhd_error uhd_usrp_get_rx_rates(uhd_usrp_handle h, size_t chan, uhd_meta_range_handle rates_out);
uhd_error uhd_usrp_set_rx_freq(uhd_usrp_handle h, uhd_tune_request_t* tune_request, size_t chan,
    uhd_tune_result_t* tune_result);
uhd_error uhd_usrp_get_rx_freq(uhd_usrp_handle h, size_t chan, double* freq_out);
uhd_error uhd_usrp_get_rx_freq_range(uhd_usrp_handle h, size_t chan, uhd_meta_range_handle freq_range_out);
uhd_error uhd_usrp_set_rx_gain(uhd_usrp_handle h, double gain, size_t chan, const char* gain_name);
uhd_error uhd_usrp_get_rx_gain(uhd_usrp_handle h, size_t chan, const char* gain_name, double* gain_out);
uhd_error uhd_usrp_get_rx_gain_range(uhd_usrp_handle h, const char* name, size_t chan,
    uhd_meta_range_handle gain_range_out);
uhd_error uhd_usrp_set_rx_antenna(uhd_usrp_handle h, const char* ant, size_t chan);
uhd_error uhd_usrp_set_rx_bandwidth(uhd_usrp_handle h, double bandwidth, size_t chan);
uhd_error uhd_usrp_get_rx_bandwidth(uhd_usrp_handle h, size_t chan, double* bandwidth_out);
uhd_error uhd_usrp_get_rx_sensor(uhd_usrp_handle h, const char* name, size_t chan,
    uhd_sensor_value_handle* sensor_value_out);
uhd_error uhd_usrp_get_rx_sensor_names(uhd_usrp_handle h, size_t chan, uhd_string_vector_handle* sensor_names_out);
uhd_error uhd_usrp_get_rx_stream(uhd_usrp_handle h, uhd_stream_args_t* stream_args, uhd_rx_streamer_handle h_out);
uhd_error uhd_rx_streamer_make(uhd_rx_streamer_handle* h);
uhd_error uhd_rx_streamer_free(uhd_rx_streamer_handle* h);
uhd_error uhd_rx_streamer_max_num_samps(uhd_rx_streamer_handle h, size_t* max_num_samps_out);
"""

_STREAMS = """
uhd_error uhd_rx_streamer_issue_stream_cmd(uhd_rx_streamer_handle h, const uhd_stream_cmd_t* stream_cmd);
uhd_error uhd_rx_streamer_recv(uhd_rx_streamer_handle h, void** buffs, size_t samps_per_buff,
    uhd_rx_metadata_handle* md, double timeout, bool one_packet, size_t* items_recvd);
uhd_error uhd_rx_metadata_make(uhd_rx_metadata_handle* handle);
uhd_error uhd_rx_metadata_free(uhd_rx_metadata_handle* handle);
uhd_error uhd_rx_metadata_has_time_spec(uhd_rx_metadata_handle h, bool* result_out);
uhd_error uhd_rx_metadata_time_spec(uhd_rx_metadata_handle h, int64_t* full_secs_out, double* frac_secs_out);
uhd_error uhd_rx_metadata_out_of_sequence(uhd_rx_metadata_handle h, bool* result_out);
uhd_error uhd_rx_metadata_error_code(uhd_rx_metadata_handle h, uhd_rx_metadata_error_code_t* error_code_out);
uhd_error uhd_tx_streamer_send(uhd_tx_streamer_handle h, const void** buffs, size_t samps_per_buff,
    uhd_tx_metadata_handle* md, double timeout, size_t* items_sent);
uhd_error uhd_tx_streamer_recv_async_msg(uhd_tx_streamer_handle h, uhd_async_metadata_handle* md, double timeout,
    bool* valid);
uhd_error uhd_tx_metadata_make(uhd_tx_metadata_handle* handle, bool has_time_spec, int64_t full_secs, double frac_secs,
    bool start_of_burst, bool end_of_burst);
uhd_error uhd_tx_metadata_free(uhd_tx_metadata_handle* handle);
uhd_error uhd_async_metadata_make(uhd_async_metadata_handle* handle);
uhd_error uhd_async_metadata_free(uhd_async_metadata_handle* handle);
uhd_error uhd_async_metadata_has_time_spec(uhd_async_metadata_handle h, bool* result_out);
uhd_error uhd_async_metadata_time_spec(uhd_async_metadata_handle h, int64_t* full_secs_out, double* frac_secs_out);
uhd_error uhd_async_metadata_event_code(uhd_async_metadata_handle h, uhd_async_metadata_event_code_t* event_code_out);
"""

FUNCTIONS = _DEVICE + _DIRECTION + _DIRECTION.replace("rx_", "tx_") + _STREAMS

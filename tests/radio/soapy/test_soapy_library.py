"""SoapySDR's C interface: our declarations against its own headers."""

from cffi import FFI

from radio.libraries.soapy_declarations import FUNCTIONS, TYPES
from tests.radio.libraries import compile_with_header, layout


def test_the_declarations_are_those_of_its_headers(tmp_path):
    ffi = FFI()
    ffi.cdef(TYPES)
    headers = "#include <SoapySDR/Version.h>\n#include <SoapySDR/Time.h>\n" + FUNCTIONS
    compile_with_header(headers, "SoapySDR/Device.h", tmp_path, ["SoapySDRRange", "SoapySDRKwargs"], layout(ffi))

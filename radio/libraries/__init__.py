"""C libraries of radios, opened as they lie on the machine: UHD and SoapySDR. Neither knows a version of numpy."""

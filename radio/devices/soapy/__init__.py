"""Every radio that SoapySDR has a module for."""

"""The simulated air: users' bursts, their paths, oscillators and converters, and the server that radios open.

What a receiver gets from user u, whose burst x starts at tick s (n counts receiver ticks, f is in Hz, fs the
rate):

    y_u[n] = exp(j (2 pi cfo_hz (n - s) / fs + theta[n])) * sum_l a_l x((n - s)(1 + clock_ppm * 1e-6) - tau_l)

with x(.) the band-limited interpolation of the burst, theta zero-mean phase noise, tau_l and a_l the delays
and gains of `LinkTruth`. Nothing arrives before tick s. The received samples are the sum over users, then
interference, thermal noise, IQ imbalance, DC offset and the converter. Every random quantity is a function of
the seed and of absolute ticks, never of the order or the speed of calls.
"""

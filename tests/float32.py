"""How far two float32 computations of the same thing may part on any processor.

A sum of n products in float32 is rounded in an order that vector units and libraries choose; it errs by at most n eps
times the sum of the magnitudes (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1). Our test
networks have about ten layers of up to 72 products of order one: 10 * 72 * 1.2e-7 = 9e-5. An eight-bit grey level is
4e-3, and other weights part by far more.
"""

NETWORK_ATOL = 1e-4  # outputs of order one of a network
FEW_STEPS_ATOL = 1e-5  # values of order one after a few sums, roots or sines: about a hundred roundings of 6e-8

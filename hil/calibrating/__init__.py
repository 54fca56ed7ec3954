"""`semnoma-hil calibrate`: radios for a bench, the table and the plots of what it found."""

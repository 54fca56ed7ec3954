"""Tasks done straight from received symbols, without a picture in between."""

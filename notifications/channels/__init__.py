"""The ways by which letters reach readers, one module each; `base` says what a channel is, `registry` which are on."""

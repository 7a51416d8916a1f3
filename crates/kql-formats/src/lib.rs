//! Tables to and from files: bytes in, columns out, and the way back.

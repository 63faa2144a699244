//! Limits of the parser: hostile mail must cost no more than honest mail of the same size.

/// Largest message whose body is read, in bytes: 25 MiB, the limit of the large providers.
pub(super) const MESSAGE_BYTES_MAX: usize = 25 << 20;
/// Longest header section, in bytes: honest ones have 2 to 60 KB, even after ten relays.
pub(super) const HEADER_BYTES_MAX: usize = 1 << 20;
/// Longest subject and MIME field that is decoded, in bytes: the decoder of encoded words is quadratic in its input.
pub(super) const FIELD_BYTES_MAX: usize = 16 << 10;
/// Longest address list that is decoded, in bytes: about a thousand recipients; quadratic for the same reason.
pub(super) const ADDRESSES_BYTES_MAX: usize = 32 << 10;
/// Most identifiers kept of References: the nearest ancestors stand last (RFC 5322 §3.6.4).
pub(super) const REFERENCES_MAX: usize = 100;
/// Deepest nesting of multiparts: honest mail has up to four levels; every level costs one more pass.
pub(super) const MULTIPART_DEPTH_MAX: usize = 10;
/// Most parts of one message: photo collections have some dozens.
pub(super) const PARTS_MAX: usize = 250;
/// Longest decoded text of one part, in bytes: 1 MiB is a book; more is no reply.
pub(super) const TEXT_BYTES_MAX: usize = 1 << 20;
/// Deepest chain of attached messages: a forward of a forward of a forward is still followed.
pub(super) const ATTACHED_DEPTH_MAX: usize = 5;
/// Most attached messages in all: a digest of a thread has fewer.
pub(super) const ATTACHED_MAX: usize = 20;

// Rows of the socket table as JavaScript reads them: 48 bytes each.
#ifndef CONNSCALE_BINDING_SOCKET_ROWS_H_
#define CONNSCALE_BINDING_SOCKET_ROWS_H_

#include <napi.h>

#include <cstddef>
#include <cstring>
#include <vector>

#include "base/socket_query.h"
#include "base/submission.h"

namespace connscale::binding {

/// Two addresses; the state is in local.reserved, and remote.family is 0 without a peer.
struct SocketRecord {
  AddressRecord local;
  AddressRecord remote;
};
static_assert(sizeof(SocketRecord) == 48);

/// An ArrayBuffer of JavaScript's own. Empty when the environment ends and makes none.
inline Napi::ArrayBuffer copy_bytes(Napi::Env env, const void* bytes, size_t length) {
  Napi::ArrayBuffer buffer = Napi::ArrayBuffer::New(env, length);
  if (!buffer.IsEmpty() && length > 0) std::memcpy(buffer.Data(), bytes, length);
  return buffer;
}

class SocketRows {
 public:
  explicit SocketRows(size_t max) : max_(max) {}

  /// False: it is full, and the row was not taken.
  bool add(const SocketRow& row) {
    if (full()) return false;
    SocketRecord record{row.local.record(), row.remote.record()};
    record.local.reserved = static_cast<uint8_t>(row.state);
    records_.push_back(record);
    return true;
  }
  [[nodiscard]] bool full() const noexcept { return records_.size() >= max_; }
  [[nodiscard]] const SocketRecord* data() const noexcept { return records_.data(); }
  [[nodiscard]] size_t bytes() const noexcept { return records_.size() * sizeof(SocketRecord); }
  /// Empties it, and lets it hold `max` rows.
  void restart(size_t max) {
    records_.clear();
    max_ = max;
  }

 private:
  size_t max_;
  std::vector<SocketRecord> records_;
};

}  // namespace connscale::binding

#endif  // CONNSCALE_BINDING_SOCKET_ROWS_H_

// What JavaScript asks for: records of a fixed head and a payload, padded to 8 bytes, read in order.
// JavaScript can write anything here, so a reader trusts nothing before it has checked it.
#ifndef CONNSCALE_BASE_SUBMISSION_H_
#define CONNSCALE_BASE_SUBMISSION_H_

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace connscale {

enum class Request : uint16_t {
  kWrite = 1,  // payload: the bytes; none, with kNotifyDrain: asks for a kDrain when all before it is gone
  kEnd = 2,    // FIN after what is queued
  kDestroy = 3,
  kReset = 4,  // RST
  kPause = 5,
  kResume = 6,
  kConnect = 7,  // payload: ConnectRecord
};

/// Flag of a kWrite: JavaScript was told of more than the high-water mark and waits for kDrain.
inline constexpr uint16_t kNotifyDrain = 1;

struct SubmissionHead {
  double id;
  uint16_t request;
  uint16_t flags;
  uint32_t length;  // payload bytes, without the padding
};
static_assert(std::is_trivially_copyable_v<SubmissionHead> && sizeof(SubmissionHead) == 16);

/// An address on the wire between the two languages; see SocketAddress.
struct AddressRecord {
  uint8_t family;  // 0, 4 or 6
  uint8_t reserved;
  uint16_t port;
  uint32_t scope_id;
  uint8_t bytes[16];
};
static_assert(sizeof(AddressRecord) == 24);

struct ConnectRecord {
  AddressRecord remote;
  AddressRecord source;  // family 0: the kernel chooses the address
  uint32_t handlers;
  uint16_t connect_timeout_ticks;  // 0: none of ours
  uint16_t idle_timeout_ticks;     // 0: none
  uint32_t option_count;           // OptionRecords that follow this record
  uint16_t port_low;               // ports that the kernel chooses from; high 0: the system's range
  uint16_t port_high;
};
static_assert(sizeof(ConnectRecord) == 64 && std::is_trivially_copyable_v<ConnectRecord>);

struct OptionRecord {
  uint32_t row;  // in the platform's option table
  uint32_t reserved;
  double value;  // flags: 0 or 1; times: milliseconds; an integer
};
static_assert(sizeof(OptionRecord) == 16 && std::is_trivially_copyable_v<OptionRecord>);

}  // namespace connscale

#endif  // CONNSCALE_BASE_SUBMISSION_H_

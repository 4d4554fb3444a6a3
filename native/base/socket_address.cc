#include "base/socket_address.h"

#include <cstring>

namespace connscale {

SocketAddress SocketAddress::from(const AddressRecord& record) noexcept {
  SocketAddress address;
  if (record.family == 4) address.family = Family::kIPv4;
  if (record.family == 6) address.family = Family::kIPv6;
  address.port = record.port;
  address.scope_id = record.scope_id;
  std::memcpy(address.bytes.data(), record.bytes, address.bytes.size());
  return address;
}

AddressRecord SocketAddress::record() const noexcept {
  AddressRecord record{};
  record.family = static_cast<uint8_t>(family);
  record.port = port;
  record.scope_id = scope_id;
  std::memcpy(record.bytes, bytes.data(), bytes.size());
  return record;
}

}  // namespace connscale

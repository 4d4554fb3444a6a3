#include "engine/socket_census.h"

#include <algorithm>
#include <cstring>

namespace connscale {

size_t SocketCensus::Hash::operator()(const Key& key) const noexcept {
  // Addresses of one network differ in a few low bits; multiplying by an odd constant and folding spreads them.
  constexpr uint64_t kSpread = 0x9e3779b97f4a7c15;
  uint64_t halves[2];
  std::memcpy(halves, key.bytes.data(), sizeof(halves));
  uint64_t mixed = (halves[0] ^ key.scope_id ^ static_cast<uint64_t>(key.family)) * kSpread;
  mixed = (mixed ^ (mixed >> 32) ^ halves[1]) * kSpread;
  return static_cast<size_t>(mixed ^ (mixed >> 29));
}

void SocketCensus::add(const SocketRow& row) {
  ++total_;
  if (row.local.family == Family::kIPv6) ++ipv6_;
  const auto state = static_cast<size_t>(row.state);
  if (state < states_.size()) ++states_[state];
  const Key key{row.local.family, row.local.scope_id, row.local.bytes};
  const auto found = counts_.find(key);
  if (found != counts_.end()) {
    ++found->second;
  } else if (counts_.size() < addresses_max_) {
    counts_.emplace(key, 1);
  } else {
    overflowed_ = true;
  }
}

std::vector<AddressCount> SocketCensus::fullest(size_t count) const {
  std::vector<AddressCount> all;
  all.reserve(counts_.size());
  for (const auto& [key, sockets] : counts_)
    all.push_back({SocketAddress{key.family, 0, key.scope_id, key.bytes}, sockets});
  const size_t kept = std::min(count, all.size());
  // Equal counts in the order of their addresses: the same sockets give the same answer.
  const auto fuller = [](const AddressCount& a, const AddressCount& b) {
    return a.sockets != b.sockets ? a.sockets > b.sockets : a.address.bytes < b.address.bytes;
  };
  std::partial_sort(all.begin(), all.begin() + static_cast<ptrdiff_t>(kept), all.end(), fuller);
  all.resize(kept);
  return all;
}

}  // namespace connscale

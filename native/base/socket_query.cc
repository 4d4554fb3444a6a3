#include "base/socket_query.h"

#include <algorithm>
#include <utility>

namespace connscale {

namespace {

bool before(const AddressRange& a, const AddressRange& b) noexcept {
  return a.family != b.family ? a.family < b.family : a.first < b.first;
}

bool is_zero(const std::array<uint8_t, 16>& bytes) noexcept {
  return std::all_of(bytes.begin(), bytes.end(), [](uint8_t byte) { return byte == 0; });
}

}  // namespace

bool takes_every_address(const SocketRow& row, Family family) noexcept {
  if (!is_zero(row.local.bytes)) return false;
  // A dual-stack socket takes the port of both families.
  return family == Family::kNone || row.local.family == family || (row.local.family == Family::kIPv6 && !row.ipv6_only);
}

bool AddressRange::contains(const SocketAddress& address) const noexcept {
  if (family == Family::kNone) return true;
  return address.family == family && first <= address.bytes && address.bytes <= last;
}

void SocketQuery::arrange() {
  std::sort(sources.begin(), sources.end(), before);
  std::vector<AddressRange> joined;
  for (const AddressRange& range : sources) {
    if (!joined.empty() && joined.back().family == range.family && range.first <= joined.back().last) {
      joined.back().last = std::max(joined.back().last, range.last);
    } else {
      joined.push_back(range);
    }
  }
  sources = std::move(joined);
}

bool SocketQuery::matches(const SocketRow& row) const noexcept {
  const bool of_family = family == Family::kNone || row.local.family == family ||
                         (row.remote.family == Family::kNone && takes_every_address(row, family));
  return of_family && (states & state_bit(row.state)) != 0 && (source_port == 0 || row.local.port == source_port) &&
         matches_source(row) && matches_destination(row);
}

bool SocketQuery::matches_source(const SocketRow& row) const noexcept {
  if (sources.empty()) return true;
  const AddressRange wanted{row.local.family, row.local.bytes, row.local.bytes};
  const auto behind = std::upper_bound(sources.begin(), sources.end(), wanted, before);
  if (behind != sources.begin() && std::prev(behind)->contains(row.local)) return true;
  return wildcards && takes_every_address(row, Family::kNone);
}

bool SocketQuery::matches_destination(const SocketRow& row) const noexcept {
  if (destinations.empty()) return true;
  if (row.remote.family == Family::kNone) return false;
  return std::any_of(destinations.begin(), destinations.end(), [&](const Destination& destination) {
    return (destination.port == 0 || destination.port == row.remote.port) && destination.addresses.contains(row.remote);
  });
}

}  // namespace connscale

#include "linux/socket_filter.h"

#include <linux/inet_diag.h>
#include <sys/socket.h>

#include <array>
#include <bit>
#include <cstring>

namespace connscale::platform {

namespace {

// The kernel walks the conditions one by one for every socket. More than this, and one that covers them all is cheaper.
constexpr size_t kConditionsMax = 64;
constexpr int kAnyPort = -1;

struct Condition {
  Family family = Family::kNone;  // kNone: any address
  std::array<uint8_t, 16> address{};
  uint8_t prefix_bits = 0;
  int port = kAnyPort;

  [[nodiscard]] size_t address_bytes() const noexcept {
    if (family == Family::kNone) return 0;
    return family == Family::kIPv4 ? 4 : 16;
  }
  [[nodiscard]] size_t bytes() const noexcept {
    return sizeof(inet_diag_bc_op) + sizeof(inet_diag_hostcond) + address_bytes();
  }
};

/// Conditions of which one must hold.
struct Alternatives {
  uint8_t code = 0;
  std::vector<Condition> conditions;

  [[nodiscard]] size_t bytes() const noexcept {
    size_t total = conditions.empty() ? 0 : (conditions.size() - 1) * sizeof(inet_diag_bc_op);
    for (const Condition& condition : conditions)
      total += condition.bytes();
    return total;
  }
};

/// The smallest network that holds the whole range.
Condition cover(const AddressRange& range, uint16_t port) noexcept {
  Condition condition;
  condition.family = range.family;
  condition.address = range.first;
  if (port != 0) condition.port = port;
  for (size_t i = 0; i < condition.address_bytes(); ++i) {
    const auto different = static_cast<uint8_t>(range.first[i] ^ range.last[i]);
    condition.prefix_bits = static_cast<uint8_t>(condition.prefix_bits + std::countl_zero(different));
    if (different != 0) break;
  }
  return condition;
}

bool may_hold(int table, Family family) noexcept { return family != Family::kIPv6 || table == AF_INET6; }

/// The address that stands for every address of the machine.
Condition every_address(int table, uint16_t port) noexcept {
  const Family family = table == AF_INET ? Family::kIPv4 : Family::kIPv6;
  return cover(AddressRange{family, {}, {}}, port);
}

/// Sorted ranges, each family's as one.
std::vector<AddressRange> coarsened(const std::vector<AddressRange>& ranges) {
  std::vector<AddressRange> covers;
  for (const AddressRange& range : ranges) {
    if (covers.empty() || covers.back().family != range.family) {
      covers.push_back(range);
    } else {
      covers.back().last = range.last;
    }
  }
  return covers;
}

Alternatives source_conditions(const SocketQuery& query, int table) {
  Alternatives local{INET_DIAG_BC_S_COND, {}};
  const auto& ranges = query.sources.size() <= kConditionsMax ? query.sources : coarsened(query.sources);
  for (const AddressRange& range : ranges) {
    if (may_hold(table, range.family)) local.conditions.push_back(cover(range, query.source_port));
  }
  if (!query.sources.empty()) {
    if (query.wildcards) local.conditions.push_back(every_address(table, query.source_port));
  } else if (query.family == Family::kIPv4 && table == AF_INET6) {
    // What IPv4 there is among IPv6 sockets: mapped addresses, and dual-stack sockets that are bound to all of them.
    AddressRange mapped{Family::kIPv4, {}, {}};
    mapped.last.fill(UINT8_MAX);
    local.conditions.push_back(cover(mapped, query.source_port));
    local.conditions.push_back(every_address(table, query.source_port));
  } else if (query.source_port != 0) {
    local.conditions.push_back(cover(AddressRange{}, query.source_port));
  }
  return local;
}

Alternatives destination_conditions(const SocketQuery& query, int table) {
  Alternatives remote{INET_DIAG_BC_D_COND, {}};
  if (query.destinations.size() > kConditionsMax) return remote;
  for (const Destination& destination : query.destinations) {
    if (!may_hold(table, destination.addresses.family)) continue;
    remote.conditions.push_back(cover(destination.addresses, destination.port));
  }
  return remote;
}

class Program {
 public:
  explicit Program(size_t bytes) : bytes_(bytes), left_(bytes) {}

  /// The next alternatives: one holds and the program goes on behind them, or none does and it ends outside itself,
  /// which is how a program says no.
  void add(const Alternatives& alternatives) {
    const size_t end = left_ - alternatives.bytes();
    for (size_t i = 0; i < alternatives.conditions.size(); ++i) {
      const Condition& condition = alternatives.conditions[i];
      const bool last = i + 1 == alternatives.conditions.size();
      const size_t size = condition.bytes();
      add_op(alternatives.code, size, last ? left_ + sizeof(inet_diag_bc_op) : size + sizeof(inet_diag_bc_op));
      add_host(condition);
      if (!last) add_op(INET_DIAG_BC_JMP, sizeof(inet_diag_bc_op), left_ - end);
    }
  }

  [[nodiscard]] std::vector<uint8_t> take() { return std::move(bytes_); }

 private:
  void add_op(uint8_t code, size_t yes, size_t no) {
    const inet_diag_bc_op op{code, static_cast<unsigned char>(yes), static_cast<unsigned short>(no)};
    append(&op, sizeof(op));
  }

  void add_host(const Condition& condition) {
    inet_diag_hostcond host{};
    host.family = AF_UNSPEC;
    if (condition.family != Family::kNone) host.family = condition.family == Family::kIPv4 ? AF_INET : AF_INET6;
    host.prefix_len = condition.prefix_bits;
    host.port = condition.port;
    append(&host, sizeof(host));
    append(condition.address.data(), condition.address_bytes());
  }

  void append(const void* from, size_t size) {
    std::memcpy(bytes_.data() + (bytes_.size() - left_), from, size);
    left_ -= size;
  }

  std::vector<uint8_t> bytes_;
  size_t left_;
};

}  // namespace

SocketFilter make_filter(const SocketQuery& query, int table) {
  SocketFilter filter;
  const Alternatives local = source_conditions(query, table);
  const Alternatives remote = destination_conditions(query, table);
  filter.pointless =
      (query.family == Family::kIPv6 && table == AF_INET) || (!query.sources.empty() && local.conditions.empty()) ||
      (!query.destinations.empty() && query.destinations.size() <= kConditionsMax && remote.conditions.empty());
  Program program(local.bytes() + remote.bytes());
  program.add(local);
  program.add(remote);
  filter.program = program.take();
  return filter;
}

}  // namespace connscale::platform

// What each of the 65,536 ports is used for, as seen from one source address and one destination.
#ifndef CONNSCALE_ENGINE_PORT_MARKS_H_
#define CONNSCALE_ENGINE_PORT_MARKS_H_

#include <array>
#include <cstdint>
#include <vector>

#include "base/socket_query.h"
#include "engine/socket_census.h"

namespace connscale {

/// Marks of a port. lib/system/port-usage.ts reads them.
enum PortMark : uint8_t {
  kListens = 1,              // a listener, on any address
  kBound = 2,                // a socket that is bound and idle, on any address
  kListensHere = 4,          // a listener, on the source address or on all
  kBoundHere = 8,            // the same of a bound one
  kConnected = 16,           // a connection from the source to the destination
  kConnectedElsewhere = 32,  // one from the source to another destination
  kTimeWait = 64,            // TIME_WAIT of a connection from the source to the destination
  kTimeWaitElsewhere = 128   // one to another
};

inline constexpr uint32_t kPorts = 65'536;

class PortMarks {
 public:
  /// Family kNone: any source. Without a destination every connection goes elsewhere.
  PortMarks(const AddressRange& source, const std::vector<Destination>& destinations);

  void add(const SocketRow& row) noexcept;

  [[nodiscard]] const std::vector<uint8_t>& marks() const noexcept { return marks_; }
  /// Sockets of the source, and to the destination if there is one, by state.
  [[nodiscard]] const SocketStateCounts& states() const noexcept { return states_; }

 private:
  [[nodiscard]] bool is_here(const SocketRow& row) const noexcept;
  void add_connection(const SocketRow& row) noexcept;

  AddressRange source_;
  SocketQuery to_destination_;
  std::vector<uint8_t> marks_;
  SocketStateCounts states_{};
};

}  // namespace connscale

#endif  // CONNSCALE_ENGINE_PORT_MARKS_H_

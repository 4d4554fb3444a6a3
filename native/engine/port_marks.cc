#include "engine/port_marks.h"

namespace connscale {

PortMarks::PortMarks(const AddressRange& source, const std::vector<Destination>& destinations)
    : source_(source), marks_(kPorts) {
  to_destination_.destinations = destinations;
}

void PortMarks::add(const SocketRow& row) noexcept {
  if ((state_bit(row.state) & kUnconnectedStates) == 0) {
    if (source_.contains(row.local)) add_connection(row);
    return;
  }
  const bool listens = row.state == SocketState::kListen;
  uint8_t& marks = marks_[row.local.port];
  marks |= listens ? kListens : kBound;
  if (!is_here(row)) return;
  marks |= listens ? kListensHere : kBoundHere;
  ++states_[static_cast<size_t>(row.state)];
}

bool PortMarks::is_here(const SocketRow& row) const noexcept {
  return source_.contains(row.local) || takes_every_address(row, source_.family);
}

void PortMarks::add_connection(const SocketRow& row) noexcept {
  const bool asked = !to_destination_.destinations.empty();
  const bool same = asked && to_destination_.matches(row);
  if (row.state == SocketState::kTimeWait) {
    marks_[row.local.port] |= same ? kTimeWait : kTimeWaitElsewhere;
  } else {
    marks_[row.local.port] |= same ? kConnected : kConnectedElsewhere;
  }
  if (same || !asked) ++states_[static_cast<size_t>(row.state)];
}

}  // namespace connscale

// Ports from one to another.
#ifndef CONNSCALE_BASE_PORT_INTERVAL_H_
#define CONNSCALE_BASE_PORT_INTERVAL_H_

#include <cstdint>

namespace connscale {

/// Both ends belong to it. High 0: none.
struct PortInterval {
  uint16_t low = 0;
  uint16_t high = 0;
};

}  // namespace connscale

#endif  // CONNSCALE_BASE_PORT_INTERVAL_H_

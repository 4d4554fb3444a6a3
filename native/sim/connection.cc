#include "sim/connection.h"

#include "sim/operations.h"
#include "sim/socket_options.h"
#include "sim/world.h"

namespace connscale::platform {

bool is_receiving(const Connection& connection) noexcept {
  return connection.operations != nullptr && connection.operations->receiving;
}

Result<OwnedSocket> start_connect(const ConnectSpec& spec) noexcept {
  sim::World& world = sim::World::current();
  if (!world.descriptors_left()) return SysError{error::kEMFILE, Call::kSocket};
  if (world.has_foreign_port(spec.source.port)) {
    // A listener's, or a connection's to the same destination.
    const bool listened_on = spec.source.port % 2 == 0;
    return listened_on ? SysError{error::kEADDRINUSE, Call::kBind} : SysError{error::kEADDRNOTAVAIL, Call::kConnect};
  }
  sim::Socket& kernel = world.start_connect();
  world.own(kernel);
  OwnedSocket socket(kernel.number);
  for (uint32_t i = 0; i < spec.option_count; ++i) {
    const Result<void> set = set_option(socket, spec.options[i]);
    if (!set.ok()) return set.failure();
  }
  constexpr SysError kFailures[] = {{error::kEADDRINUSE, Call::kBind},       {error::kEADDRNOTAVAIL, Call::kBind},
                                    {error::kEADDRNOTAVAIL, Call::kConnect}, {error::kENETUNREACH, Call::kConnect},
                                    {error::kEACCES, Call::kConnect},        {error::kENOBUFS, Call::kSocket},
                                    {error::kENOSPC, Call::kPollerControl}};
  if (world.happens(sim::Chance::kFailedConnect)) return world.random().pick(kFailures);
  kernel.local = spec.source;
  kernel.local.family = spec.remote.family;
  kernel.remote = spec.remote;
  return socket;
}

void close_with_reset(OwnedSocket& socket) noexcept {
  sim::World& world = sim::World::current();
  sim::Socket& kernel = world.socket(socket.get());
  kernel.saw_reset = true;
  ++world.socket(kernel.listener).turned_away;
  socket.reset();
}

Result<SocketAddress> local_address(const OwnedSocket& socket) noexcept {
  return sim::World::current().socket(socket.get()).local;
}

Result<SocketAddress> remote_address(const OwnedSocket& socket) noexcept {
  return sim::World::current().socket(socket.get()).remote;
}

}  // namespace connscale::platform

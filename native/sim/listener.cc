#include "sim/listener.h"

#include "sim/socket_options.h"
#include "sim/world.h"

namespace connscale::platform {

namespace {

constexpr uint16_t kFirstAutomaticPort = 20'000;

bool port_taken(sim::World& world, uint16_t port) noexcept {
  for (uint32_t i = 0; i < world.sockets(); ++i) {
    const sim::Socket& other = world.socket(i);
    if (other.listening && other.owned && other.local.port == port) return true;
  }
  return false;
}

}  // namespace

Result<OwnedSocket> open_listener(const ListenSpec& spec) noexcept {
  sim::World& world = sim::World::current();
  if (!world.descriptors_left()) return SysError{error::kEMFILE, Call::kSocket};
  if (spec.address.port != 0 && !spec.reuse_port && port_taken(world, spec.address.port)) {
    return SysError{error::kEADDRINUSE, Call::kBind};
  }
  constexpr SysError kFailures[] = {
      {error::kEADDRINUSE, Call::kListen}, {error::kEADDRNOTAVAIL, Call::kBind}, {error::kEACCES, Call::kBind}};
  if (world.happens(sim::Chance::kFailedListen)) return world.random().pick(kFailures);
  sim::Socket& kernel = world.open_socket();
  kernel.listening = true;
  kernel.backlog = static_cast<uint32_t>(spec.backlog);
  kernel.local = spec.address;
  if (kernel.local.port == 0) kernel.local.port = static_cast<uint16_t>(kFirstAutomaticPort + kernel.number);
  world.own(kernel);
  OwnedSocket socket(kernel.number);
  for (const OptionValue& option : spec.options) {
    const Result<void> set = set_option(socket, option);
    if (!set.ok()) return set.failure();
  }
  return socket;
}

QueueDepth queue_depth(const Listener& listener) noexcept {
  const sim::Socket& kernel = sim::World::current().socket(listener.socket.get());
  return {true, static_cast<uint32_t>(kernel.queue.size()), kernel.backlog};
}

}  // namespace connscale::platform

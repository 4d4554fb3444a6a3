#include "engine/accept_policy.h"

#include <algorithm>

#include "base/limits.h"

namespace connscale {

uint32_t AcceptPolicy::room(uint32_t loop_room) const noexcept {
  const uint32_t own = config_.connections_max - std::min(open_, config_.connections_max);
  return std::min(own, loop_room);
}

AcceptPolicy::Offer AcceptPolicy::offer(uint32_t loop_room, uint64_t now_ms) noexcept {
  if (now_ms >= retry_at_ms_) retry_at_ms_ = 0;
  Offer offer{std::min(config_.batch, room(loop_room)), AcceptFor::kKeeping};
  if (retry_at_ms_ != 0) {
    offer.limit = 0;
  } else if (offer.limit == 0 && config_.overload == Overload::kReset) {
    offer = {config_.batch, AcceptFor::kResetting};
  }
  if (offer.limit == 0 && !paused_) ++pauses_;
  paused_ = offer.limit == 0;
  return offer;
}

void AcceptPolicy::on_exhausted(uint64_t now_ms) noexcept { retry_at_ms_ = now_ms + kAcceptRetryMs; }

}  // namespace connscale

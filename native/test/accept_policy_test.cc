#include "engine/accept_policy.h"

#include <doctest/doctest.h>

#include "base/limits.h"

using connscale::AcceptFor;
using connscale::AcceptPolicy;
using connscale::kAcceptRetryMs;
using connscale::Overload;

namespace {

uint32_t limit_of(AcceptPolicy& policy, uint32_t loop_room, uint64_t now_ms) {
  return policy.offer(loop_room, now_ms).limit;
}

}  // namespace

TEST_CASE("a wait accepts at most a batch") {
  AcceptPolicy policy({8, 100, Overload::kPause});
  CHECK(limit_of(policy, 1'000, 0) == 8);
  CHECK(limit_of(policy, 3, 0) == 3);
}

TEST_CASE("a policy that pauses accepts no more than there is room for") {
  AcceptPolicy policy({8, 3, Overload::kPause});
  CHECK(limit_of(policy, 1'000, 0) == 3);
  policy.on_open();
  policy.on_open();
  CHECK(limit_of(policy, 1'000, 0) == 1);
  policy.on_open();
  CHECK(limit_of(policy, 1'000, 0) == 0);
  CHECK(policy.pauses() == 1);
  CHECK(limit_of(policy, 1'000, 0) == 0);
  CHECK(policy.pauses() == 1);  // the same pause still
  policy.on_close();
  CHECK(limit_of(policy, 1'000, 0) == 1);
}

TEST_CASE("a policy that resets keeps as many as there is room for, and then goes on to tell the others") {
  AcceptPolicy policy({8, 2, Overload::kReset});
  const auto offer_is = [&policy](uint32_t loop_room, uint32_t limit, AcceptFor purpose) {
    const AcceptPolicy::Offer offer = policy.offer(loop_room, 0);
    CHECK(offer.limit == limit);
    CHECK(offer.purpose == purpose);
  };
  offer_is(1'000, 2, AcceptFor::kKeeping);
  offer_is(1, 1, AcceptFor::kKeeping);
  offer_is(0, 8, AcceptFor::kResetting);
  policy.on_open();
  offer_is(1'000, 1, AcceptFor::kKeeping);
  policy.on_open();
  offer_is(1'000, 8, AcceptFor::kResetting);
  policy.on_close();
  offer_is(1'000, 1, AcceptFor::kKeeping);
  CHECK(policy.pauses() == 0);
}

TEST_CASE("exhaustion is a pause that ends by itself, or when a connection closes") {
  AcceptPolicy policy({8, 100, Overload::kReset});
  policy.on_exhausted(5'000);
  CHECK(policy.retry_at_ms() == 5'000 + kAcceptRetryMs);
  CHECK(limit_of(policy, 1'000, 5'000) == 0);
  CHECK(limit_of(policy, 1'000, 5'000 + kAcceptRetryMs - 1) == 0);
  CHECK(policy.pauses() == 1);
  CHECK(limit_of(policy, 1'000, 5'000 + kAcceptRetryMs) == 8);
  CHECK(policy.retry_at_ms() == 0);

  policy.on_exhausted(6'000);
  policy.on_descriptor_freed();
  CHECK(limit_of(policy, 1'000, 6'000) == 8);
}

TEST_CASE("a policy whose maximum was lowered under it does not wrap") {
  AcceptPolicy policy({8, 1, Overload::kPause});
  policy.on_open();
  policy.on_open();
  CHECK(limit_of(policy, 1'000, 0) == 0);
}

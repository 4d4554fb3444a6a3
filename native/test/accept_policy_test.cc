#include "engine/accept_policy.h"

#include <doctest/doctest.h>

#include "base/limits.h"

using connscale::AcceptPolicy;
using connscale::kAcceptRetryMs;
using connscale::Overload;

TEST_CASE("a wait accepts at most a batch") {
  AcceptPolicy policy({8, 100, Overload::kPause});
  CHECK(policy.limit(1'000, 0) == 8);
  CHECK(policy.limit(3, 0) == 3);
}

TEST_CASE("a policy that pauses accepts no more than there is room for") {
  AcceptPolicy policy({8, 3, Overload::kPause});
  CHECK(policy.limit(1'000, 0) == 3);
  policy.on_open();
  policy.on_open();
  CHECK(policy.limit(1'000, 0) == 1);
  policy.on_open();
  CHECK(policy.limit(1'000, 0) == 0);
  CHECK_FALSE(policy.admits(1'000));
  CHECK(policy.pauses() == 1);
  CHECK(policy.limit(1'000, 0) == 0);
  CHECK(policy.pauses() == 1);  // the same pause still
  policy.on_close();
  CHECK(policy.limit(1'000, 0) == 1);
  CHECK(policy.admits(1'000));
  CHECK_FALSE(policy.admits(0));
}

TEST_CASE("a policy that resets goes on accepting, to tell those who are too many") {
  AcceptPolicy policy({8, 1, Overload::kReset});
  policy.on_open();
  CHECK(policy.limit(1'000, 0) == 8);
  CHECK_FALSE(policy.admits(1'000));
  CHECK(policy.pauses() == 0);
}

TEST_CASE("exhaustion is a pause that ends by itself, or when a connection closes") {
  AcceptPolicy policy({8, 100, Overload::kReset});
  policy.on_exhausted(5'000);
  CHECK(policy.retry_at_ms() == 5'000 + kAcceptRetryMs);
  CHECK(policy.limit(1'000, 5'000) == 0);
  CHECK(policy.limit(1'000, 5'000 + kAcceptRetryMs - 1) == 0);
  CHECK(policy.pauses() == 1);
  CHECK(policy.limit(1'000, 5'000 + kAcceptRetryMs) == 8);
  CHECK(policy.retry_at_ms() == 0);

  policy.on_exhausted(6'000);
  policy.on_descriptor_freed();
  CHECK(policy.limit(1'000, 6'000) == 8);
}

TEST_CASE("a policy whose maximum was lowered under it does not wrap") {
  AcceptPolicy policy({8, 1, Overload::kPause});
  policy.on_open();
  policy.on_open();
  CHECK(policy.limit(1'000, 0) == 0);
  CHECK_FALSE(policy.admits(1'000));
}

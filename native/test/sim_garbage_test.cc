// Whatever JavaScript writes into its ring: an answer, never a crash, and a loop that still closes.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <vector>

#include "test/sim_loop.h"

namespace {

using connscale::ConnectionId;
using connscale::ConnectRecord;
using connscale::kGenerationMask;
using connscale::OptionRecord;
using connscale::Request;
using connscale::SubmissionHead;
using connscale::test::connect_record;
using connscale::test::SimLoop;
using connscale::test::SimLoopConfig;
using connscale::test::Submissions;
namespace sim = connscale::sim;

constexpr uint32_t kSeeds = 1'000;
constexpr uint32_t kSteps = 60;
constexpr uint32_t kConnectionsMax = 8;
constexpr uint32_t kTurnsToClose = 5'000;

double odd_id(sim::Random& random) {
  const double ids[] = {0,
                        -1,
                        0.5,
                        1e300,
                        9007199254740993.0,
                        std::numeric_limits<double>::quiet_NaN(),
                        std::numeric_limits<double>::infinity(),
                        ConnectionId{random.below(4 * kConnectionsMax), random.below(3)}.encode(1),
                        ConnectionId{random.below(2 * kConnectionsMax), kGenerationMask}.encode(1),
                        ConnectionId{random.below(2 * kConnectionsMax), 1}.encode(2)};
  return random.pick(ids);
}

/// A record with the right shape and wrong contents, or nearly.
void add_odd_record(Submissions& submissions, sim::Random& random) {
  // Mostly the ids that connects make, so that what follows meets a connection.
  const double id =
      random.chance(70) ? ConnectionId{kConnectionsMax + random.below(kConnectionsMax), 1}.encode(1) : odd_id(random);
  if (random.chance(30)) {
    ConnectRecord record = connect_record(static_cast<uint16_t>(random.next()));
    if (random.chance(20)) record.remote.family = static_cast<uint8_t>(random.next());
    if (random.chance(20)) record.source.family = static_cast<uint8_t>(random.below(8));
    record.handlers = static_cast<uint32_t>(random.next());
    record.connect_timeout_ticks = static_cast<uint16_t>(random.below(3));
    record.idle_timeout_ticks = static_cast<uint16_t>(random.next());
    std::vector<OptionRecord> options(random.chance(20) ? random.below(40) : 0);
    for (OptionRecord& option : options)
      option = {random.below(5), 0, odd_id(random)};
    record.option_count =
        random.chance(10) ? static_cast<uint32_t>(random.next()) : static_cast<uint32_t>(options.size());
    return submissions.connect(id, record, options);
  }
  const std::vector<uint8_t> payload(random.chance(50) ? 0 : random.below(3'000));
  const auto request = static_cast<Request>(random.chance(95) ? random.between(1, 6) : random.below(65'536));
  submissions.add(request, id, payload.data(), static_cast<uint32_t>(payload.size()),
                  static_cast<uint16_t>(random.next()));
}

/// As if something had written over the ring: bits flipped, bytes missing, lengths beyond the end.
void spoil(std::vector<uint8_t>& ring, sim::Random& random) {
  if (ring.empty()) ring.resize(random.below(100));
  for (uint32_t count = random.below(4); count > 0 && !ring.empty(); --count) {
    const uint32_t at = random.below(static_cast<uint32_t>(ring.size()));
    ring[at] = static_cast<uint8_t>(random.chance(50) ? random.next() : ring[at] ^ (1U << random.below(8)));
  }
  if (random.chance(30)) ring.resize(random.below(static_cast<uint32_t>(ring.size()) + 1));
  if (random.chance(10))
    std::generate(ring.begin(), ring.end(), [&random] { return static_cast<uint8_t>(random.next()); });
}

void play_garbage(uint64_t seed) {
  sim::Random random(seed);
  SimLoopConfig config;
  config.seed = seed;
  config.temper = sim::draw_temper(random);
  config.engine = {
      .loop = 1, .connections_max = kConnectionsMax, .high_water_bytes = 512, .write_queue_max_bytes = 8'192};
  config.batch_capacity = 16;
  SimLoop loop(config);
  loop.listen(kConnectionsMax);
  uint64_t refused = 0;
  for (uint32_t step = 0; step < kSteps; ++step) {
    Submissions submissions;
    for (uint32_t count = random.below(8); count > 0; --count)
      add_odd_record(submissions, random);
    if (random.chance(50)) spoil(submissions.bytes(), random);
    if (!loop.submit(submissions)) ++refused;
    loop.engine().acknowledgements().clear();
    REQUIRE(loop.turn(0).ok());
  }
  CHECK(loop.engine().counters().invalidSubmissions >= refused);
  loop.engine().begin_shutdown(100);
  for (uint32_t i = 0; i < kTurnsToClose && !loop.engine().shut_down(); ++i)
    REQUIRE(loop.turn(-1).ok());
  REQUIRE(loop.engine().shut_down());
  CHECK(loop.engine().queues_in_use() == 0);
  CHECK(loop.world().descriptors() == 0);
}

bool submit_one(SimLoop& loop, double id, uint16_t request, uint32_t claimed_length, uint32_t length) {
  Submissions submissions;
  submissions.bytes().resize(sizeof(SubmissionHead) + length);
  const SubmissionHead head{id, request, 0, claimed_length};
  std::memcpy(submissions.bytes().data(), &head, sizeof(head));
  return loop.submit(submissions);
}

}  // namespace

TEST_CASE("no bytes in the ring break the engine") {
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    CAPTURE(seed);
    play_garbage(seed);
  }
}

TEST_CASE("what no honest program writes is refused") {
  SimLoop loop({});
  const double ours = ConnectionId{3, 1}.encode(1);
  const auto write = static_cast<uint16_t>(Request::kWrite);
  CHECK(submit_one(loop, ours, write, 8, 8));  // stale, which is honest
  CHECK_FALSE(submit_one(loop, ours, write, 9, 8));
  CHECK_FALSE(submit_one(loop, ours, write, UINT32_MAX, 8));
  CHECK_FALSE(submit_one(loop, ours, 0, 0, 0));
  CHECK_FALSE(submit_one(loop, ours, 8, 0, 0));
  CHECK_FALSE(submit_one(loop, ConnectionId{3, 1}.encode(2), write, 0, 0));   // another loop's
  CHECK_FALSE(submit_one(loop, ConnectionId{32, 1}.encode(1), write, 0, 0));  // beyond the last slot
  CHECK_FALSE(submit_one(loop, std::numeric_limits<double>::quiet_NaN(), write, 0, 0));
  CHECK(loop.engine().counters().invalidSubmissions == 7);
  CHECK(loop.engine().counters().staleSubmissions == 1);

  Submissions half;
  half.bytes().resize(sizeof(SubmissionHead) - 1);
  CHECK_FALSE(loop.submit(half));
}

TEST_CASE("a connect must have a slot for connects that is free, and a record that makes sense") {
  SimLoop loop({});
  const auto connect = [&loop](uint32_t slot, const ConnectRecord& record,
                               const std::vector<OptionRecord>& options = {}) {
    Submissions submissions;
    submissions.connect(ConnectionId{slot, 1}.encode(1), record, options);
    return loop.submit(submissions);
  };
  CHECK_FALSE(connect(15, connect_record(80)));  // a slot for accepted connections
  CHECK(connect(16, connect_record(80)));
  CHECK_FALSE(connect(16, connect_record(80)));
  ConnectRecord record = connect_record(80);
  record.remote.family = 5;
  CHECK_FALSE(connect(17, record));
  record = connect_record(80);
  record.source.family = 6;
  CHECK_FALSE(connect(17, record));
  record = connect_record(80);
  record.option_count = 1;
  CHECK_FALSE(connect(17, record));
  record.option_count = 33;
  CHECK_FALSE(connect(17, record, std::vector<OptionRecord>(33)));
  record.option_count = 1;
  CHECK_FALSE(connect(17, record, {{0, 0, std::numeric_limits<double>::quiet_NaN()}}));
  CHECK(connect(17, record, {{0, 0, 1.0}}));
  CHECK(loop.engine().counters().open == 2);
}

TEST_CASE("a write after an end is not sent, and is counted") {
  SimLoop loop({});
  Submissions submissions;
  const double id = ConnectionId{16, 1}.encode(1);
  submissions.connect(id, connect_record(80));
  submissions.add(Request::kEnd, id);
  submissions.add(Request::kWrite, id, "late", 4);
  CHECK(loop.submit(submissions));
  CHECK(loop.engine().counters().invalidSubmissions == 1);
  loop.world().with_token(16)->answer = sim::Answer::kAccepted;
  REQUIRE(loop.turn(0).ok());
  CHECK(loop.world().with_token(16)->delivered.empty());
  CHECK(loop.world().with_token(16)->saw_end);
}

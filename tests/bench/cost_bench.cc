// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The queue's calls without anything around them: time of the producer's and the consumer's calls,
// and, from one batch that is stepped through, their instructions a request.
#include <benchmark/benchmark.h>

#include <chrono>

#include "bench/rig.h"

namespace pvk::bench {
namespace {

using block::DataMode;
using block::Operation;
using Clock = std::chrono::steady_clock;

void report(benchmark::State& state, const Shape& shape, const Cost& cost) {
  const auto a_request = [&shape](u64 all) { return static_cast<double>(all) / shape.batch; };
  auto& counters = state.counters;
  counters["1_submit"] = a_request(cost.submit.instructions);
  counters["2_publish"] = a_request(cost.publish.instructions);
  counters["3_next"] = a_request(cost.next.instructions);
  counters["4_rearm"] = a_request(cost.rearm.instructions);
  counters["5_total"] = a_request(cost.total().instructions);
  counters["copies"] = a_request(cost.calls.copies);
  counters["fences"] = a_request(cost.total().fences);
  counters["granted"] = a_request(cost.calls.published);
  counters["revoked"] = a_request(cost.calls.revoked);
  counters["locked"] = a_request(cost.total().locked);
  counters["lines"] = cost.grant_lines;
}

// The backend answers between the two measured parts.
void run(benchmark::State& state, const Shape& shape) {
  QueueRig rig(shape);
  for ([[maybe_unused]] const auto round : state) {
    const auto start = Clock::now();
    rig.produce();
    const auto produced = Clock::now();
    rig.answer();
    const auto answered = Clock::now();
    rig.consume();
    const auto spent = (produced - start) + (Clock::now() - answered);
    state.SetIterationTime(std::chrono::duration<double>(spent).count());
  }
  state.SetItemsProcessed(state.iterations() * shape.batch);
  report(state, shape, rig.count());
}

// Arguments: whether it writes, pages of a request, requests of a batch.
template <DataMode kMode>
void requests(benchmark::State& state) {
  Shape shape;
  shape.mode = kMode;
  shape.operation = state.range(0) != 0 ? Operation::kWrite : Operation::kRead;
  shape.segments = static_cast<u32>(state.range(1));
  shape.batch = static_cast<u32>(state.range(2));
  run(state, shape);
}

void every_shape(benchmark::internal::Benchmark* requests) {
  requests->ArgNames({"write", "pages", "batch"});
  requests->ArgsProduct({{0, 1}, {1, 32}, {1, 32}})->UseManualTime()->MinTime(0.05);
}

BENCHMARK(requests<DataMode::kPersistent>)->Name("persistent")->Apply(every_shape);
BENCHMARK(requests<DataMode::kDirect>)->Name("direct")->Apply(every_shape);
BENCHMARK(requests<DataMode::kBounce>)->Name("bounce")->Apply(every_shape);

}  // namespace
}  // namespace pvk::bench

BENCHMARK_MAIN();

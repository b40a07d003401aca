// vouch_records_bench: what a look-up costs and how fast records load.
//
//   vouch_records_bench load FOLDER PEOPLE     writes an extract, loads it with a keyed-hash index
//   vouch_records_bench lookup FOLDER PEOPLE   builds an index and facts of PEOPLE with 3 keys
//   each,
//                                              without identities, and resolves random people
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "crypto/keys.h"
#include "server/records/loader.h"
#include "server/records/parallel.h"
#include "server/records/snapshot.h"

namespace vouch::server::records {
namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Of this thread: a busy machine lengthens the wall clock, not this.
double ThreadSeconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

double CpuSeconds() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

void Check(const absl::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
  std::exit(1);
}

std::string Letters(uint64_t number) {
  std::string letters = "Fam";
  for (; number > 0; number /= 26) letters.push_back(static_cast<char>('a' + number % 26));
  return letters;
}

void WriteExtract(const std::string& path, uint64_t people) {
  std::ofstream out(path);
  out << "id,number,born,given,family,income\n";
  for (uint64_t i = 0; i < people; ++i) {
    // Area 9xx, every group and serial but the zeros.
    const uint64_t area = 900 + i / 989901 % 100, group = 1 + i / 9999 % 99, serial = 1 + i % 9999;
    out << absl::StrFormat("s%08d,%03d-%02d-%04d,19%02d-%02d-%02d,Given,%s,%d.%02d\n", i, area,
                           group, serial, 50 + i % 50, 1 + i % 12, 1 + i % 28, Letters(i),
                           i % 200000, i % 100);
  }
}

IndexRequest Request(const crypto::SecretBytes& key) {
  IndexRequest request;
  request.context = {"bench-001",
                     crypto::TokenScope(true, "fsa.ed.example", crypto::IdentityUse::kTest), 1,
                     "names/1"};
  const auto match = [](const std::vector<std::string>& names) {
    crypto::MatchKey made;
    for (const std::string& name : names) made.parts.push_back(*crypto::ParseKeyPart(name));
    return made;
  };
  request.match = {match({"social_security_number"}),
                   match({"social_security_number", "date_of_birth"}),
                   match({"family_name", "given_name", "date_of_birth"})};
  request.today = absl::CivilDay(2027, 1, 15);
  request.tokeniser = KeyedHashTokeniser(std::make_shared<crypto::KeyedHash>(key));
  return request;
}

LoadOptions Options(const std::string& folder, const std::string& extract) {
  LoadOptions options;
  options.folder = folder + "/records";
  options.keys_folder = folder + "/keys";
  options.input = extract;
  options.mapping.agency = "irs.treasury.example";
  options.mapping.person_id_column = "id";
  options.mapping.identity = {{crypto::Attribute::kSocialSecurityNumber, {"number"}},
                              {crypto::Attribute::kDateOfBirth, {"born"}},
                              {crypto::Attribute::kGivenName, {"given"}},
                              {crypto::Attribute::kFamilyName, {"family"}}};
  options.mapping.facts = {
      {"adjusted_gross_income", "income", {policies::PeriodKind::kTaxYear, 2025}, false}};
  options.mapping.data_as_of = absl::CivilDay(2026, 11, 20);
  policies::FactDefinition income;
  income.name = "adjusted_gross_income";
  income.type = policies::FactType::kMoney;
  income.period = policies::PeriodKind::kTaxYear;
  options.catalogue.agency = options.mapping.agency;
  options.catalogue.facts = {income};
  options.now = absl::Now();
  options.today = absl::CivilDay(2027, 1, 15);
  return options;
}

void MakeFolder(const std::string& folder) {
  mkdir(folder.c_str(), 0700);
  mkdir((folder + "/keys").c_str(), 0700);
  Check(CreateRecordKeys(folder + "/keys"));
}

void Load(const std::string& folder, uint64_t people) {
  MakeFolder(folder);
  const std::string extract = folder + "/extract.csv";
  WriteExtract(extract, people);
  LoadOptions options = Options(folder, extract);
  options.indexes = {Request(crypto::SecretBytes::Random(32))};
  Clock::time_point loaded = Clock::now();
  options.progress = [&](const LoadProgress&) { loaded = Clock::now(); };
  const Clock::time_point start = Clock::now();
  const double cpu = CpuSeconds();
  LoadReport report;
  Check(LoadRecords(options, &report));
  const double seconds = SecondsSince(start);
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  std::printf(
      "loaded %llu people, 3 match keys, keyed-hash: %.1f s (rows %.1f s), %.1f CPU-s, "
      "peak RSS %ld MiB (mapped files included)\n",
      static_cast<unsigned long long>(report.people), seconds,
      std::chrono::duration<double>(loaded - start).count(), CpuSeconds() - cpu,
      usage.ru_maxrss / 1024);
}

crypto::Token TokenOf(uint64_t person, uint16_t key) {
  crypto::Token token{};
  std::memcpy(token.data(), &person, sizeof(person));
  token[30] = static_cast<uint8_t>(key);
  token[31] = 1;
  return token;
}

// A generation without identities: the load's part is not what is measured here.
void WriteBare(const std::string& folder, uint64_t people) {
  const std::string records = folder + "/records";
  mkdir(records.c_str(), 0700);
  const crypto::HmacKey index_key = *ReadIndexKey(folder + "/keys");
  auto columns = *FactColumns::Make({{"adjusted_gross_income",
                                      {policies::PeriodKind::kTaxYear, 2025},
                                      policies::FactType::kMoney,
                                      {}}});
  FactsWriter facts = *FactsWriter::Create(records + "/facts.1", columns);
  for (uint64_t i = 0; i < people; ++i) {
    PersonHandle person{};
    std::memcpy(person.data(), &i, sizeof(i));
    Check(columns->MakeRow(
        person, static_cast<uint32_t>(i),
        {policies::FactValue{policies::FactType::kMoney, static_cast<int64_t>(i), {}}},
        *facts.Row(static_cast<uint32_t>(i))));
  }
  Check(facts.Finish());
  const IndexHasher hasher(index_key, "bench-001", 1);
  auto builder = *TokenIndexBuilder::Create(records);
  RunOnThreads(ThreadCount(0), [&](size_t thread) {
    std::vector<IndexEntry> entries;
    for (uint64_t i = thread; i < people; i += ThreadCount(0)) {
      for (uint16_t key = 0; key < 3; ++key) {
        IndexEntry entry;
        entry.value = ValueOf(hasher.Hash(key, TokenOf(i, key)));
        entry.record = static_cast<uint32_t>(i);
        entry.formed = 7;
        entries.push_back(entry);
      }
      if (entries.size() < 4096) continue;
      builder->Add(entries);
      entries.clear();
    }
    builder->Add(entries);
  });
  Check(builder->Finish(records + "/index.1.bench", {"bench-001", 1, {}}, hasher));
  IdentitiesWriter identities =
      *IdentitiesWriter::Create(records + "/identities.1", crypto::IdentityUse::kTest);
  Check(identities.Finish());
  Manifest manifest;
  manifest.generation = manifest.change = 1;
  manifest.agency = "irs.treasury.example";
  manifest.people = people;
  manifest.loaded_at = absl::Now();
  manifest.facts_file = "facts.1";
  manifest.identities_file = "identities.1";
  manifest.overlay_file = "overlay.1";
  manifest.indexes = {{"bench-001", 1, {}, "index.1.bench", {}}};
  Check(PublishManifest(records, manifest));
}

void Lookup(const std::string& folder, uint64_t people) {
  MakeFolder(folder);
  struct stat status;
  if (stat((folder + "/records/manifest").c_str(), &status) != 0) {
    const Clock::time_point start = Clock::now();
    const double cpu = CpuSeconds();
    WriteBare(folder, people);
    std::printf("wrote %llu rows and %llu index values: %.1f s, %.1f CPU-s\n",
                static_cast<unsigned long long>(people),
                static_cast<unsigned long long>(people * 3), SecondsSince(start),
                CpuSeconds() - cpu);
  }
  const crypto::HmacKey index_key = *ReadIndexKey(folder + "/keys");
  const Clock::time_point opening = Clock::now();
  const auto snapshot = *FileSnapshot::Open(folder + "/records", index_key);
  std::printf("opened: %.1f ms\n", SecondsSince(opening) * 1e3);

  constexpr int kCalls = 1000000;
  const auto measure = [&](const char* name, bool known) {
    std::mt19937_64 random(known ? 1 : 2);
    std::vector<crypto::Token> tokens(3);
    uint64_t found = 0;
    for (const bool warm : {false, true}) {
      const double start = ThreadSeconds();
      for (int i = 0; i < kCalls; ++i) {
        const uint64_t person = known ? random() % people : random() | uint64_t{1} << 63;
        for (uint16_t key = 0; key < 3; ++key) tokens[key] = TokenOf(person, key);
        found += snapshot->ResolveTokens("bench-001", 1, 0, tokens).match() == Match::kOne;
      }
      if (warm) {
        std::printf("resolve %s, 3 keys, index HMACs included: %.0f CPU-ns\n", name,
                    (ThreadSeconds() - start) / kCalls * 1e9);
      }
    }
    if (found != (known ? 2u * kCalls : 0u))
      std::printf("wrong: %llu found\n", static_cast<unsigned long long>(found));
  };
  measure("known people", true);
  measure("unknown people", false);
  const IndexHasher hasher(index_key, "bench-001", 1);
  const auto index =
      *TokenIndex::Open(folder + "/records/" + snapshot->manifest().indexes[0].file, hasher);
  std::mt19937_64 random(3);
  for (const bool warm : {false, true}) {
    const double start = ThreadSeconds();
    uint64_t found = 0;
    for (int i = 0; i < kCalls; ++i) {
      IndexValue value{};
      const uint64_t first = random(), second = random();
      std::memcpy(value.data(), &first, 8);
      std::memcpy(value.data() + 8, &second, 6);
      found += index->Find(value).kind != IndexHit::Kind::kNothing;
    }
    if (warm) {
      std::printf("one look-up, random value: %.0f CPU-ns (%llu found)\n",
                  (ThreadSeconds() - start) / kCalls * 1e9, static_cast<unsigned long long>(found));
    }
  }
}

}  // namespace
}  // namespace vouch::server::records

int main(int argc, char** argv) {
  uint64_t people = 0;
  const std::string what = argc == 4 ? argv[1] : "";
  if ((what != "load" && what != "lookup") || !absl::SimpleAtoi(argv[3], &people) || people == 0) {
    std::fprintf(stderr, "usage: vouch_records_bench load|lookup FOLDER PEOPLE\n");
    return 2;
  }
  if (what == "load") {
    vouch::server::records::Load(argv[2], people);
  } else {
    vouch::server::records::Lookup(argv[2], people);
  }
  return 0;
}

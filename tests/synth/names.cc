#include "tests/synth/names.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"

namespace vouch::synth {
namespace {

// Rarer English family names are put together from these, so that a big population does not consist
// of a few hundred names.
constexpr absl::string_view kHeads[] = {
    "Ash",  "Black",  "Brad",  "Brook", "Burn", "Chat",  "Clay",   "Cold",  "Cross",  "Dal",
    "East", "Elling", "Fair",  "Farn",  "Gold", "Green", "Hal",    "Hart",  "Hather", "High",
    "Holl", "Kings",  "Lang",  "Lock",  "Long", "Mar",   "Mil",    "New",   "North",  "Oak",
    "Pem",  "Red",    "Ridge", "Rock",  "Sher", "Stan",  "Stone",  "Thorn", "Under",  "Wake",
    "West", "Whit",   "Win",   "Wood",  "York", "Hazel", "Linden", "Marl",  "Quin",   "Rad"};
constexpr absl::string_view kTails[] = {
    "ley",   "wood",  "ford",  "ton",   "man",  "well",  "field", "brook",  "burn",  "ham",
    "ridge", "worth", "stone", "by",    "den",  "croft", "more",  "gate",   "land",  "son",
    "wick",  "bury",  "dale",  "hurst", "shaw", "ward",  "combe", "thorpe", "water", "ing"};

// A list of names with frequencies falling off like 1 / (rank + 3).
class RankedNames {
 public:
  explicit RankedNames(absl::string_view names) {
    double total = 0;
    for (absl::string_view name : absl::StrSplit(names, ' ', absl::SkipEmpty())) {
      names_.push_back(absl::StrReplaceAll(name, {{"_", " "}}));
      total += 1.0 / (names_.size() + 3.0);
      upper_.push_back(total);
    }
  }
  const std::string& Draw(Dice* dice) const {
    const double at = dice->Unit() * upper_.back();
    const size_t index = std::upper_bound(upper_.begin(), upper_.end(), at) - upper_.begin();
    return names_[std::min(index, names_.size() - 1)];
  }

 private:
  std::vector<std::string> names_;
  std::vector<double> upper_;
};

struct CultureNames {
  RankedNames family, women, men;
};

const std::vector<CultureNames>& Names() {
  static const auto& names = *new std::vector<CultureNames>([] {
    std::vector<CultureNames> built;
    for (const Culture& culture : Cultures()) {
      built.push_back(
          {RankedNames(culture.family), RankedNames(culture.women), RankedNames(culture.men)});
    }
    return built;
  }());
  return names;
}

constexpr std::pair<absl::string_view, absl::string_view> kNicknames[] = {
    {"Alexander", "Alex"}, {"Andrew", "Andy"},    {"Anthony", "Tony"},      {"Barbara", "Barb"},
    {"Benjamin", "Ben"},   {"Charles", "Chuck"},  {"Christopher", "Chris"}, {"Daniel", "Dan"},
    {"David", "Dave"},     {"Deborah", "Debbie"}, {"Donald", "Don"},        {"Edward", "Ted"},
    {"Elizabeth", "Liz"},  {"Francisco", "Paco"}, {"Gregory", "Greg"},      {"Guadalupe", "Lupe"},
    {"Guillermo", "Memo"}, {"James", "Jim"},      {"Jennifer", "Jen"},      {"Jessica", "Jess"},
    {"John", "Jack"},      {"Jos\u00E9", "Pepe"}, {"Joseph", "Joe"},        {"Joshua", "Josh"},
    {"Katherine", "Kate"}, {"Kenneth", "Ken"},    {"Kimberly", "Kim"},      {"Margaret", "Peggy"},
    {"Matthew", "Matt"},   {"Michael", "Mike"},   {"Nicholas", "Nick"},     {"Patricia", "Pat"},
    {"Rebecca", "Becky"},  {"Richard", "Dick"},   {"Robert", "Bob"},        {"Ronald", "Ron"},
    {"Samantha", "Sam"},   {"Samuel", "Sam"},     {"Stephanie", "Steph"},   {"Steven", "Steve"},
    {"Susan", "Sue"},      {"Thomas", "Tom"},     {"Timothy", "Tim"},       {"Victoria", "Vicky"},
    {"William", "Bill"},
};

}  // namespace

size_t DrawCulture(Dice* dice) {
  const std::vector<Culture>& cultures = Cultures();
  int total = 0;
  for (const Culture& culture : cultures) total += culture.weight;
  int at = static_cast<int>(dice->Below(total));
  size_t index = 0;
  while (at >= cultures[index].weight) at -= cultures[index++].weight;
  return index;
}

std::string DrawFamilyName(size_t culture, Dice* dice) {
  if (culture == 0 && dice->Chance(0.4)) {
    return absl::StrCat(kHeads[dice->Below(std::size(kHeads))],
                        kTails[dice->Below(std::size(kTails))]);
  }
  return Names()[culture].family.Draw(dice);
}

std::string DrawGivenName(size_t culture, bool woman, Dice* dice) {
  // Families of every origin also choose names common in the country.
  if (culture + 1 < Cultures().size() && dice->Chance(0.2)) culture = 0;
  const CultureNames& names = Names()[culture];
  return woman ? names.women.Draw(dice) : names.men.Draw(dice);
}

bool HasDoubleFamilyNames(size_t culture) {
  const absl::string_view name = Cultures()[culture].name;
  return name == "hispanic" || name == "portuguese";
}

absl::string_view NicknameOf(absl::string_view given_name) {
  for (const auto& entry : kNicknames) {
    if (entry.first == given_name) return entry.second;
  }
  return "";
}

std::string WithoutMarks(absl::string_view name) {
  static const auto& table = *new std::vector<std::pair<absl::string_view, absl::string_view>>{
      {"\u00E1", "a"}, {"\u00E0", "a"},  {"\u00E2", "a"},  {"\u00E3", "a"}, {"\u00E4", "a"},
      {"\u00E5", "a"}, {"\u0103", "a"},  {"\u1EA7", "a"},  {"\u1EAD", "a"}, {"\u1EA1", "a"},
      {"\u1EB7", "a"}, {"\u00E9", "e"},  {"\u00E8", "e"},  {"\u00EA", "e"}, {"\u00EB", "e"},
      {"\u1EC5", "e"}, {"\u1EBF", "e"},  {"\u0119", "e"},  {"\u00ED", "i"}, {"\u00EE", "i"},
      {"\u00EF", "i"}, {"\u1ECB", "i"},  {"\u0131", "i"},  {"\u00F3", "o"}, {"\u00F4", "o"},
      {"\u00F5", "o"}, {"\u00F6", "o"},  {"\u00F8", "o"},  {"\u1ED3", "o"}, {"\u00FA", "u"},
      {"\u00FC", "u"}, {"\u0169", "u"},  {"\u1EE5", "u"},  {"\u01B0", "u"}, {"\u1EF3", "y"},
      {"\u00F1", "n"}, {"\u0144", "n"},  {"\u00E7", "c"},  {"\u0107", "c"}, {"\u010D", "c"},
      {"\u015F", "s"}, {"\u015B", "s"},  {"\u0161", "s"},  {"\u017E", "z"}, {"\u017C", "z"},
      {"\u0142", "l"}, {"\u00DF", "ss"}, {"\u00E6", "ae"}, {"\u00F0", "d"}, {"\u011F", "g"},
      {"\u00C1", "A"}, {"\u00C5", "A"},  {"\u00C9", "E"},  {"\u00D3", "O"}, {"\u00D6", "O"},
      {"\u00D8", "O"}, {"\u00DA", "U"},  {"\u00DC", "U"},  {"\u0110", "D"}, {"\u0141", "L"},
      {"\u0160", "S"}, {"\u015E", "S"},  {"\u00DE", "Th"}, {"\u0130", "I"}, {"\u02BB", ""}};
  return absl::StrReplaceAll(name, table);
}

}  // namespace vouch::synth

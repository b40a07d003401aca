# Writes the files of this folder into a C++ source, byte for byte.
#   cmake -DOUT=built_in.cc -DFILES=a.yaml,b.yaml -P embed.cmake
string(REPLACE "," ";" files "${FILES}")
list(SORT files)
set(arrays "")
set(entries "")
set(number 0)
foreach(file IN LISTS files)
  file(READ "${file}" hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  get_filename_component(name "${file}" NAME)
  string(APPEND arrays "constexpr unsigned char kFile${number}[] = {${bytes}};\n")
  string(APPEND entries "      BuiltInFile{\"${name}\", Text(kFile${number}, sizeof(kFile${number}))},\n")
  math(EXPR number "${number} + 1")
endforeach()
file(WRITE "${OUT}" "// Generated from policies/reference.
#include \"policies/reference/built_in.h\"

namespace vouch::policies::reference {
namespace {

${arrays}
absl::string_view Text(const unsigned char* bytes, size_t size) {
  return absl::string_view(reinterpret_cast<const char*>(bytes), size);
}

}  // namespace

absl::Span<const BuiltInFile> BuiltInTables() {
  static const BuiltInFile kTables[] = {
${entries}  };
  return kTables;
}

}  // namespace vouch::policies::reference
")

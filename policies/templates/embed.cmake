# Writes the templates of this folder into a C++ source, byte for byte.
#   cmake -DOUT=built_in.cc -DFOLDER=policies/templates -DFILES=a/agreement.yaml,a/facts.yaml -P embed.cmake
string(REPLACE "," ";" files "${FILES}")
list(SORT files)
set(arrays "")
set(entries "")
set(number 0)
foreach(file IN LISTS files)
  file(READ "${FOLDER}/${file}" hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  get_filename_component(template "${file}" DIRECTORY)
  get_filename_component(name "${file}" NAME)
  string(APPEND arrays "constexpr unsigned char kFile${number}[] = {${bytes}};\n")
  string(APPEND entries
         "      BuiltInTemplateFile{\"${template}\", \"${name}\", Text(kFile${number}, sizeof(kFile${number}))},\n")
  math(EXPR number "${number} + 1")
endforeach()
file(WRITE "${OUT}" "// Generated from policies/templates.
#include \"policies/templates/built_in.h\"

namespace vouch::policies::templates {
namespace {

${arrays}
absl::string_view Text(const unsigned char* bytes, size_t size) {
  return absl::string_view(reinterpret_cast<const char*>(bytes), size);
}

}  // namespace

absl::Span<const BuiltInTemplateFile> BuiltInTemplates() {
  static const BuiltInTemplateFile kFiles[] = {
${entries}  };
  return kFiles;
}

}  // namespace vouch::policies::templates
")

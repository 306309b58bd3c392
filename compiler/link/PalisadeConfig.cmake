# find_package(Palisade), with CMAKE_PREFIX_PATH or Palisade_DIR from `palisade --print cmake-dir`.
#
#   palisade_add_module(TARGET FILE [NAME name] [OPTIONS option…])
#
# compiles FILE (.wasm or .wat) and links it to TARGET, an executable or library, with the runtime. TARGET's sources
# include its header as "name.h"; name is FILE's stem as a C identifier unless NAME says otherwise. OPTIONS are the
# palisade command's.
#
# When cross compiling, PALISADE_TARGET is the target's triple; it is guessed for Linux.
cmake_minimum_required(VERSION 3.16)
find_program(PALISADE_EXECUTABLE palisade REQUIRED)
find_package(Threads REQUIRED)

set(_palisade_target "")
if(PALISADE_TARGET)
	set(_palisade_target --target ${PALISADE_TARGET} --cc "${CMAKE_C_COMPILER}")
elseif(CMAKE_CROSSCOMPILING)
	set(_palisade_target --target ${CMAKE_SYSTEM_PROCESSOR}-unknown-linux-gnu --cc "${CMAKE_C_COMPILER}")
endif()

function(_palisade_print what result)
	execute_process(COMMAND ${PALISADE_EXECUTABLE} --print ${what} ${_palisade_target} OUTPUT_VARIABLE out
		ERROR_VARIABLE error RESULT_VARIABLE status OUTPUT_STRIP_TRAILING_WHITESPACE)
	if(NOT status EQUAL 0)
		message(FATAL_ERROR "palisade --print ${what}: ${error}")
	endif()
	set(${result} "${out}" PARENT_SCOPE)
endfunction()

if(NOT TARGET Palisade::runtime)
	_palisade_print(include-dir _palisade_include)
	_palisade_print(libs _palisade_libs)
	string(REPLACE " " ";" _palisade_libs "${_palisade_libs}")
	add_library(Palisade::runtime INTERFACE IMPORTED)
	set_target_properties(Palisade::runtime PROPERTIES
		INTERFACE_INCLUDE_DIRECTORIES "${_palisade_include}"
		INTERFACE_LINK_LIBRARIES "${_palisade_libs};Threads::Threads")
endif()

function(palisade_add_module target file)
	cmake_parse_arguments(PARSE_ARGV 2 module "" "NAME" "OPTIONS")
	get_filename_component(file "${file}" ABSOLUTE)
	if(NOT module_NAME)
		get_filename_component(module_NAME "${file}" NAME_WE)
		string(MAKE_C_IDENTIFIER "${module_NAME}" module_NAME)
	endif()
	set(folder "${CMAKE_CURRENT_BINARY_DIR}/palisade/${target}")
	set(object "${folder}/${module_NAME}${CMAKE_C_OUTPUT_EXTENSION}")
	set(header "${folder}/${module_NAME}.h")
	file(MAKE_DIRECTORY "${folder}")
	add_custom_command(
		OUTPUT "${object}" "${header}"
		COMMAND ${PALISADE_EXECUTABLE} ${_palisade_target} -c "${file}" -o "${object}" --header "${header}"
			--name ${module_NAME} ${module_OPTIONS}
		DEPENDS "${file}" "${PALISADE_EXECUTABLE}"
		COMMENT "Compiling WebAssembly module ${module_NAME}"
		VERBATIM)
	set_source_files_properties("${object}" PROPERTIES EXTERNAL_OBJECT TRUE GENERATED TRUE)
	target_sources(${target} PRIVATE "${object}" "${header}")
	target_include_directories(${target} PRIVATE "${folder}")
	target_link_libraries(${target} PRIVATE Palisade::runtime)
endfunction()

#include "tests/synth/names.h"

namespace vouch::synth {

const std::vector<Culture>& Cultures() {
  static const auto& cultures = *new std::vector<Culture>{
      {"english", 560,
       "Smith Johnson Williams Brown Jones Davis Miller Wilson Moore Taylor Anderson Thomas "
       "Jackson "
       "White Harris Martin Thompson Robinson Clark Lewis Lee Walker Hall Allen Young King Wright "
       "Hill Scott Green Adams Baker Nelson Carter Mitchell Roberts Turner Phillips Campbell "
       "Parker "
       "Evans Edwards Collins Stewart Morris Rogers Reed Cook Morgan Bell Murphy Bailey Cooper "
       "Richardson Cox Howard Ward Peterson Gray James Watson Brooks Kelly Sanders Price Bennett "
       "Wood Barnes Ross Henderson Coleman Jenkins Perry Powell Long Patterson Hughes Washington "
       "Butler Simmons Foster Bryant Russell Griffin Hayes Ford Hamilton Graham Sullivan Wallace "
       "West Cole Jordan Reynolds Fisher Ellis Harrison Gibson McDonald Marshall Freeman Wells "
       "Webb "
       "Simpson Stevens Tucker Porter Hunter Hicks Crawford Henry Boyd Mason Kennedy Warren Dixon "
       "Burns Gordon Shaw Holmes Rice Robertson Hunt Black Daniels Palmer Mills Nichols Grant "
       "Knight "
       "Ferguson Stone Hawkins Dunn Perkins Hudson Spencer Gardner Stephens Payne Pierce Berry "
       "O'Connor O'Brien O'Neal D'Angelo St._John Van_Buren De_Witt McCarthy MacLeod FitzGerald "
       "Smith-Jones Taylor-Brown Parker-Hall",
       "Mary Patricia Jennifer Linda Elizabeth Barbara Susan Jessica Sarah Karen Lisa Nancy Betty "
       "Sandra Margaret Ashley Kimberly Emily Donna Michelle Carol Amanda Melissa Deborah "
       "Stephanie "
       "Rebecca Sharon Laura Cynthia Dorothy Amy Kathleen Angela Shirley Emma Brenda Pamela Nicole "
       "Anna Samantha Katherine Christine Debra Rachel Carolyn Janet Maria Olivia Heather Helen "
       "Catherine Diane Julie Victoria Joyce Lauren Kelly Christina Ruth Joan Virginia Judith "
       "Evelyn "
       "Hannah Andrea Megan Cheryl Jacqueline Madison Teresa Abigail Sophia Martha Sara Gloria "
       "Janice "
       "Kathryn Ann Isabella Judy Charlotte Julia Grace Amber Alice Jean Denise Frances Danielle "
       "Marilyn Natalie Beverly Diana Brittany Theresa Kayla Alexis Doris Lori Tiffany Mary_Ann "
       "Anne-Marie Keisha Latoya Aaliyah Imani Ebony Shanice Tamika Jasmine",
       "James Robert John Michael David William Richard Joseph Thomas Christopher Charles Daniel "
       "Matthew Anthony Mark Donald Steven Andrew Paul Joshua Kenneth Kevin Brian Timothy Ronald "
       "George Jason Edward Jeffrey Ryan Jacob Nicholas Gary Eric Jonathan Stephen Larry Justin "
       "Scott "
       "Brandon Benjamin Samuel Gregory Alexander Patrick Frank Raymond Jack Dennis Jerry Tyler "
       "Aaron "
       "Jose Adam Nathan Henry Zachary Douglas Peter Kyle Noah Ethan Jeremy Walter Christian Keith "
       "Roger Terry Austin Sean Gerald Carl Harold Dylan Arthur Lawrence Jordan Jesse Bryan Billy "
       "Bruce Gabriel Joe Logan Alan Juan Albert Willie Elijah Wayne Randy Vincent Mason Roy Ralph "
       "Bobby Russell Bradley Philip Eugene DeShawn Jamal Malik Tyrone Darnell Trevon Jean-Luc"},
      {"hispanic", 190,
       "Garc\u00EDa Rodr\u00EDguez Hern\u00E1ndez Mart\u00EDnez L\u00F3pez Gonz\u00E1lez "
       "P\u00E9rez "
       "S\u00E1nchez Ram\u00EDrez Torres Flores Rivera G\u00F3mez D\u00EDaz Reyes Morales Cruz "
       "Ortiz "
       "Guti\u00E9rrez Chavez Ramos Ruiz \u00C1lvarez Mendoza V\u00E1squez Castillo Jim\u00E9nez "
       "Moreno "
       "Romero Herrera Medina Aguilar Vargas Castro Guzm\u00E1n M\u00E9ndez Fern\u00E1ndez "
       "Mu\u00F1oz "
       "Salazar Garza Soto V\u00E1zquez Alvarado Delgado Pena Pe\u00F1a Contreras Sandoval "
       "Guerrero "
       "Ortega Estrada Nu\u00F1ez N\u00FA\u00F1ez Maldonado R\u00EDos Vega Santiago Dom\u00EDnguez "
       "Espinoza Silva Padilla Cervantes Navarro Figueroa Acosta M\u00E1rquez de_la_Cruz "
       "De_Le\u00F3n "
       "del_R\u00EDo Ib\u00E1\u00F1ez Zu\u00F1iga Villase\u00F1or Le\u00F3n Bola\u00F1os",
       "Mar\u00EDa Guadalupe Juana Ana Rosa Sof\u00EDa Valentina Camila Isabella "
       "Mar\u00EDa_Guadalupe "
       "Gabriela Daniela Ver\u00F3nica Leticia Alejandra Carmen Luz Elena Adriana Ximena "
       "Luc\u00EDa "
       "Beatriz Yolanda Raquel In\u00E9s Mar\u00EDa_Jos\u00E9 Guillermina Esperanza Paola "
       "Bel\u00E9n",
       "Jos\u00E9 Juan Luis Carlos Jes\u00FAs Jorge Miguel Manuel Francisco Alejandro Antonio "
       "Diego "
       "Santiago Mateo Pedro Javier Ricardo Fernando Ra\u00FAl Roberto Eduardo Andr\u00E9s "
       "Ram\u00F3n "
       "Jos\u00E9_Luis Juan_Carlos C\u00E9sar H\u00E9ctor \u00D3scar Rub\u00E9n Guillermo "
       "Mart\u00EDn "
       "Te\u00F3filo I\u00F1aki Joaqu\u00EDn"},
      {"vietnamese", 12,
       "Nguy\u1EC5n Tr\u1EA7n L\u00EA Ph\u1EA1m Hu\u1EF3nh Ho\u00E0ng Phan V\u0169 V\u00F5 "
       "\u0110\u1EB7ng B\u00F9i \u0110\u1ED7 H\u1ED3 Ng\u00F4 D\u01B0\u01A1ng L\u00FD Nguyen Tran "
       "Le Pham",
       "Linh Trang Th\u1ECB_Mai H\u01B0\u01A1ng Lan Ng\u1ECDc Th\u1EA3o Kim Ph\u01B0\u01A1ng "
       "Y\u1EBFn",
       "Minh Tu\u1EA5n H\u00F9ng V\u0103n_An D\u0169ng Khang Huy \u0110\u1EE9c Long Th\u00E0nh"},
      {"chinese", 22,
       "Wang Li Zhang Chen Liu Lin Wu Huang Yang Zhou Xu Sun Ma Zhu Hu Guo He Gao Luo Zheng Liang "
       "Xie "
       "Chan Wong Cheung Leung Ng Ou-Yang L\u00FC Hs\u00FC",
       "Mei Xiu_Ying Li-Hua Yan Jing Xiaoling Fang Hui Ying Na Min Yu-Chen Wei_Ling",
       "Wei Jun Ming Hao Jian Lei Yong Tao Zhi-Wei Chao Xiaoming Guo_Qiang Bin"},
      {"korean", 8, "Kim Lee Park Choi Jung Kang Cho Yoon Jang Lim Han Oh Seo Shin Kwon Hwang Ahn",
       "Ji-Woo Seo-Yeon Min_Ji Hye-Jin Soo-Jin Eun_Young Yuna Hana Mi-Sook",
       "Min-Jun Ji_Hoon Sung-Ho Hyun-Woo Dong_Hyun Jae-Won Young-Ho Tae_Yang"},
      {"indian", 22,
       "Patel Singh Kumar Shah Sharma Gupta Khan Reddy Rao Desai Mehta Joshi Iyer Nair Kaur "
       "Mukherjee "
       "Banerjee Chatterjee Agarwal Subramanian Venkataraman Das Gandhi Pillai Verma",
       "Priya Anjali Sunita Lakshmi Kavita Meera Deepa Neha Pooja Aishwarya Jaspreet Gurpreet Rani",
       "Raj Amit Sanjay Vijay Rahul Suresh Anil Arjun Harpreet Ravi Venkat Ashok Mohammed Krishna"},
      {"filipino", 14,
       "Santos Reyes Cruz Bautista Ocampo Garcia Mendoza Torres Ramos Aquino Dela_Cruz De_Guzman "
       "Villanueva Castillo Pascual Macaraeg Dimaculangan Manalo Magsaysay Salonga",
       "Maria Rosario Jocelyn Marites Luzviminda Cherry_Ann Maricel Rowena Divina Kristine_Joy",
       "Jose Rodel Reynaldo Rommel Ferdinand John_Paul Jayson Arnel Danilo Eduardo"},
      {"arabic", 14,
       "Hassan Ahmed Ali Mohamed Khalil Haddad Nasser Saleh Mansour Al-Masri Al-Sayed El-Amin "
       "Abdullah "
       "Abdul-Rahman Khoury Najjar Aziz Farah Ibrahim",
       "Fatima Aisha Layla Mariam Nour Amal Zaynab Huda Yasmin Rania Noor-ul-Ain",
       "Mohammed Ahmad Omar Ali Yusuf Hassan Ibrahim Khalid Abd_al-Rahman Samir Tariq Bilal"},
      {"polish", 20,
       "Kowalski Nowak Wi\u015Bniewski W\u00F3jcik Kowalczyk Kami\u0144ski Lewandowski "
       "Zieli\u0144ski "
       "Szyma\u0144ski Wo\u017Aniak D\u0105browski Koz\u0142owski Ja\u0144czak \u0141uczak "
       "Wa\u0142\u0119sa Pietrzak",
       "Anna Maria Katarzyna Ma\u0142gorzata Agnieszka Barbara Ewa Zofia Krystyna Bo\u017Cena",
       "Jan Andrzej Piotr Krzysztof Stanis\u0142aw Tomasz Pawe\u0142 Micha\u0142 Jerzy Stefan"},
      {"german", 38,
       "M\u00FCller Schmidt Schneider Fischer Weber Meyer Wagner Becker Schulz Hoffmann "
       "Sch\u00E4fer Koch "
       "Bauer Richter Klein Schr\u00F6der Neumann Schwarz Zimmermann Kr\u00FCger Wei\u00DF "
       "Gro\u00DFmann "
       "Strau\u00DF Mueller Yoder Stoltzfus von_Berg Vogt K\u00F6hler",
       "Anna Emma Greta Helga Ingrid Ursula Katharina Heidi Gisela Liesl",
       "Karl Hans Heinrich Friedrich J\u00FCrgen Otto G\u00FCnther Klaus Wolfgang J\u00F6rg"},
      {"italian", 26,
       "Russo Ferrari Esposito Bianchi Romano Colombo Ricci Marino Greco Bruno Gallo Conti De_Luca "
       "D'Amico Costa Giordano Mancini Lombardi Moretti Di_Stefano D'Agostino Caruso Rizzo",
       "Maria Angela Rosa Francesca Giulia Gina Concetta Carmela Lucia Nicoletta",
       "Giuseppe Antonio Giovanni Salvatore Vincenzo Marco Luigi Angelo Dominic Carmine"},
      {"nordic", 16,
       "Hansen Johansen Olsen Larsen Andersson S\u00F8rensen J\u00F8rgensen Nilsson Lindstr\u00F6m "
       "\u00C5berg \u00D8stby Bj\u00F6rk Kj\u00E6r Gustafsson Korhonen M\u00E4kinen "
       "\u00DE\u00F3r\u00F0arson "
       "Gu\u00F0mundsson Sj\u00F6berg \u00C5str\u00F6m",
       "Ingrid Astrid S\u00F8ren-Anne Kirsten Freya Sigr\u00ED\u00F0ur Linnea Maja \u00C5se "
       "P\u00E4ivi",
       "Lars Erik S\u00F8ren Bj\u00F8rn Nils Anders Olaf Leif J\u00F8rn \u00C5ke"},
      {"french", 22,
       "Tremblay Gagnon Roy C\u00F4t\u00E9 Bouchard Gauthier Morin L\u00E9vesque Boudreaux "
       "Thibodeaux "
       "Landry H\u00E9bert Fontenot Lef\u00E8vre Fran\u00E7ois Beno\u00EEt Jean-Baptiste "
       "Pierre-Louis "
       "Toussaint Desrosiers St-Pierre Dupr\u00E9",
       "Marie Jos\u00E9phine Genevi\u00E8ve Am\u00E9lie Chlo\u00E9 Ren\u00E9e Marie-Claire "
       "Ana\u00EFs "
       "Fabienne Th\u00E9r\u00E8se",
       "Jean Pierre Jean-Paul Ren\u00E9 Andr\u00E9 Fran\u00E7ois L\u00E9on \u00C9tienne Jacques "
       "No\u00EBl"},
      {"portuguese", 8,
       "Silva Santos Oliveira Souza Pereira Costa Ferreira Almeida Gon\u00E7alves Sim\u00F5es "
       "Concei\u00E7\u00E3o dos_Santos da_Silva Magalh\u00E3es Jo\u00E3o",
       "Maria Ana Francisca Ant\u00F4nia Adriana M\u00E1rcia Patr\u00EDcia Concei\u00E7\u00E3o",
       "Jo\u00E3o Ant\u00F4nio Francisco Paulo Lu\u00EDs Marcos Tiago Sebasti\u00E3o"},
      {"slavic", 12,
       "Ivanov Petrov Smirnova Shevchenko Kovalenko Bondarenko Tkachenko Volkov Novak "
       "Dvo\u0159\u00E1k "
       "Horvat Kova\u010D Petrovi\u0107 \u0110or\u0111evi\u0107 Mel'nyk Solov'ev",
       "Olga Natalia Svetlana Irina Tetyana Oksana Ekaterina Ljubica Ane\u017Eka",
       "Ivan Sergei Dmitri Oleksandr Mykola Vladimir Andrij Bojan Ji\u0159\u00ED"},
      {"african", 10,
       "Okafor Adeyemi Okonkwo Mensah Owusu Diallo Abebe Tesfaye Mwangi Ng'ang'a Nkrumah "
       "Ad\u00E9b\u00E1y\u00F2 "
       "Bekele Kamau Achebe",
       "Ngozi Amina Chioma Abena Fatou Wanjiru Selam Adaeze Y\u00E9t\u00FAnd\u00E9",
       "Chinedu Kwame Emeka Oluwaseun Tesfaye Kofi Mamadou Juma Ad\u00E9"},
      {"hawaiian", 3,
       "K\u0101ne Kealoha Kamaka Ka\u02BBahumanu Kahale Nakoa Mahoe Kalua Keali\u02BBi Palakiko",
       "Leilani Kalani Noelani Pualani Mahina Ka\u02BBiulani Malia",
       "Keoni Kai Makoa Ikaika Kekoa Kaleo Kimo"},
      {"native", 8,
       "Begay Yazzie Benally Tsosie Nez Tso Begaye Whitehorse Two_Bulls Red_Cloud Lone_Wolf "
       "Iron_Cloud "
       "Black_Elk Peshlakai Etsitty",
       "Shandiin Nizhoni Dezba Mary Kaya Winona Aiyana",
       "Ashkii Hok'ee Dakota Leonard Wilson Chaske Elan"},
      {"turkish", 4,
       "Y\u0131lmaz Kaya Demir \u015Eahin \u00C7elik Y\u0131ld\u0131r\u0131m Ayd\u0131n "
       "\u00D6zt\u00FCrk Erdo\u011Fan I\u015F\u0131k "
       "\u0130mamo\u011Flu",
       "Ay\u015Fe Fatma Emine Zeynep Elif G\u00FCl\u015Fen \u0130pek",
       "Mehmet Mustafa Ahmet H\u00FCseyin Hasan \u0130brahim Ya\u011F\u0131z"},
      // A few systems keep names in their own script.
      {"own-script", 4,
       "\u0418\u0432\u0430\u043D\u043E\u0432\u0430 "
       "\u0428\u0435\u0432\u0447\u0435\u043D\u043A\u043E "
       "\u5F20 \u738B \u9673 \u7530\u4E2D \uAE40 \uC774 \u062D\u0633\u0646 "
       "\u0623\u062D\u0645\u062F "
       "\u0936\u0930\u094D\u092E\u093E "
       "\u03A0\u03B1\u03C0\u03B1\u03B4\u03CC\u03C0\u03BF\u03C5\u03BB\u03BF\u03C2",
       "\u041E\u043B\u044C\u0433\u0430 \u4F1F \uC9C0\uC6B0 \u0641\u0627\u0637\u0645\u0629 "
       "\u092E\u0940\u0930\u093E \u0395\u03BB\u03AD\u03BD\u03B7",
       "\u0421\u0435\u0440\u0433\u0435\u0439 \u660E \uBBFC\uC900 \u0645\u062D\u0645\u062F "
       "\u0930\u093E\u091C \u0393\u03B9\u03CE\u03C1\u03B3\u03BF\u03C2"},
  };
  return cultures;
}

}  // namespace vouch::synth
